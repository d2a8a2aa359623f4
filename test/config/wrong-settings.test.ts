import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { SettingError } from '../../src/core/errors.js';
import { loadedFrom } from './settings-of.js';
import type { Given } from './settings-of.js';

interface Mistake extends Given {
  readonly says: string;
}

const tlsExample = "for example 'tls://127.0.0.1:6514?cert=server.crt&key=server.key'";
const destinationForms = 'tcp://HOST:PORT, tls://HOST, udp://HOST:PORT, relp://HOST:PORT, relps://HOST:PORT, unix:///PATH, http://HOST, https://HOST, logentries:, cloudwatch:GROUP or stdout:';

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  'on the command line': [
    { argv: ['--too', 'tcp://loghost:514'], says: 'Unknown option --too: the nearest known one is --to.' },
    { argv: ['--follow'], says: 'Unknown option --follow: the nearest known one is --no-follow.' },
    { argv: ['--token=hunter2'], says: 'Unknown option --token: journald-forwarder --help lists those there are.' },
    { argv: ['--kernel=hunter2'], says: 'Invalid --kernel: it takes no value; write --kernel alone.' },
    { argv: ['-u', 'hunter2'], says: 'Unknown option -u: journald-forwarder --help lists those there are.' },
    { argv: ['ada:hunter2@loghost:514'], says: 'Unexpected argument "…": a destination follows --to; write --to before it.' },
    { argv: ['demo', '--kernel'], says: 'Invalid --kernel: this command does not know it; leave it out.' },
    { argv: ['help', 'lisen'], says: 'Unknown command "lisen": the nearest known one is listen.' },
    { argv: ['--exclude-namespace', 'kube-system'], says: 'Unknown option --exclude-namespace: it is not supported in this version; leave it out.' },
    { argv: ['--metrics', '9619'], says: 'Invalid --metrics "9619": write HOST:PORT, for example 127.0.0.1:9619 or [::1]:9619.' },
    { argv: ['--metrics', ':9619'], says: 'Invalid --metrics ":9619": a host is needed before the port: 127.0.0.1 for this machine alone, 0.0.0.0 for every address that it has.' },
    { argv: ['--metrics', '::1:9619'], says: 'Invalid --metrics "::1:9619": write HOST:PORT, for example 127.0.0.1:9619 or [::1]:9619.' },
    { argv: ['--metrics', '[127.0.0.1]:9619'], says: 'Invalid --metrics "[127.0.0.1]:9619": write HOST:PORT, for example 127.0.0.1:9619 or [::1]:9619.' },
    { argv: ['--metrics', 'localhost:65536'], says: 'Invalid --metrics "localhost:65536": write HOST:PORT, for example 127.0.0.1:9619 or [::1]:9619.' },
    { argv: ['--metrics', 'http://localhost:9619'], says: 'Invalid --metrics "http://localhost:9619": write HOST:PORT, for example 127.0.0.1:9619 or [::1]:9619.' },
    { argv: ['chek'], says: 'Unknown command "chek": the nearest known one is check.' },
    { argv: ['bash'], says: 'Unknown command "bash": use run, check, status, listen, demo or completion.' },
    { argv: ['completions', 'bash'], says: 'Unknown command "completions": the nearest known one is completion.' },
    { argv: ['completion'], says: 'Invalid completion: a shell is needed, bash, zsh or fish.' },
    { argv: ['completion', 'tcsh'], says: 'Invalid completion "tcsh": a shell is needed, bash, zsh or fish.' },
    { argv: ['completion', 'bash', 'zsh'], says: 'Invalid completion: one shell is enough; leave out "zsh".' },
    { argv: ['--kernel', 'check'], says: 'Unexpected argument "check": write one command, before its options.' },
    { argv: ['tcp://loghost:514'], says: 'Unexpected argument "tcp://loghost:514": a destination follows --to; write --to before it.' },
    { argv: ['--to'], says: 'Invalid --to: a value is needed, for example --to tcp://loghost:514.' },
    { argv: ['--unit', '--kernel'], says: 'Invalid --unit: a value is needed, for example --unit nginx.service; --kernel follows it.' },
    { argv: ['--unit', ''], says: 'Invalid --unit "": a value is needed, for example nginx.service.' },
    { argv: ['--start', 'head', '--start', 'now'], says: 'Invalid --start "now": it is given twice; keep one.' },
    { argv: ['listen'], says: 'Invalid listen: a URL is needed, tcp://HOST:PORT, tls://HOST, udp://HOST:PORT, relp://HOST:PORT, http://HOST:PORT or unix:///PATH.' },
    { argv: ['listen', 'tcp://127.0.0.1'], says: 'Invalid listen "tcp://127.0.0.1": a port is needed, for example tcp://127.0.0.1:514.' },
{ argv: ['listen', 'tls://[::1]:6514'], says: `Invalid listen "tls://[::1]:6514": TLS needs a certificate and its key, ${tlsExample}.` },
    { argv: ['listen', 'tls://h?cert=a&key=b&key=c'], says: 'Invalid listen "tls://h": key is given twice; keep one.' },
    { argv: ['listen', 'tls://h?cert=a&key='], says: `Invalid listen "tls://h": key is the path of a PEM file, ${tlsExample}.` },
    { argv: ['listen', 'tls://h?cert=a&passphrase=hunter2'], says: `Invalid listen "tls://h": a URL to listen at with TLS has the settings cert, key and ca, ${tlsExample}.` },
    { argv: ['listen', 'relps://h:1'], says: 'Invalid listen "relps://h:1": relps is not supported in this version; use tcp://HOST:PORT, tls://HOST, udp://HOST:PORT, relp://HOST:PORT, http://HOST:PORT or unix:///PATH.' },
  ],
  'about the source': [
    { argv: ['--from', 'jurnal'], says: 'Invalid --from "jurnal": use journal, stdin or gateway:PLACE.' },
    { argv: ['--from', 'containers'], says: 'Invalid --from "containers": this source is not supported in this version; use journal, stdin or gateway:PLACE.' },
    { argv: ['--from', 'gateway'], says: 'Invalid --from "gateway": a place follows it, or a colon alone; write for example gateway:/run/journald.sock.' },
    { argv: ['--from', 'gateway:'], says: 'Invalid --from "gateway:": a place is needed; write gateway:/run/journald.sock, gateway:http://HOST:19531 or gateway:https://HOST:19531, or set LOGENTRIES_JOURNAL_SOCKET.' },
    { argv: ['--from', 'gateway:http://u:hunter2@h:19531'], says: 'Invalid --from "gateway:…": a user or password in a URL is not supported; leave out what stands before the "@".' },
    { argv: ['--from', 'gateway:ftp://h'], says: 'Invalid --from "gateway:ftp://h": write gateway:/run/journald.sock, gateway:http://HOST:19531 or gateway:https://HOST:19531.' },
    { argv: ['--from', 'gateway:http://h:70000'], says: 'Invalid --from "gateway:http://h:70000": a port is a number from 1 to 65535, for example gateway:http://h:19531.' },
    { argv: ['--from', `gateway:/${'x'.repeat(107)}`], says: `Invalid --from "gateway:/${'x'.repeat(107)}": the path of a socket has at most 107 bytes; choose a shorter one.` },
    { argv: ['--from', 'gateway:http://h?ca=/ca.pem'], says: 'Invalid --from "gateway:http://h?ca=/ca.pem": ca is a setting of gateway:https:// only; leave it out.' },
    { argv: ['--from', 'gateway:https://h?cert=/c.pem'], says: 'Invalid --from "gateway:https://h?cert=/c.pem": a certificate needs its key; give key= too.' },
    { argv: ['--from', 'gateway:https://h?cretfile=hunter2'], says: 'Invalid --from "gateway:https://h?cretfile": there is no such setting of a gateway; it has ca, cert, key, serverName or insecure.' },
    { argv: ['--from', 'gateway:'], env: { LOGENTRIES_JOURNAL_SOCKET: 'ftp://h' }, says: 'Invalid LOGENTRIES_JOURNAL_SOCKET "ftp://h": write gateway:/run/journald.sock, gateway:http://HOST:19531 or gateway:https://HOST:19531.' },
    { argv: ['--from', 'gateway:/s', '--until', 'today'], says: 'Invalid --until "today": a gateway cannot be asked for it; leave out one of the two.' },
    { argv: ['--from', 'gateway:/s', '--since', '2026-11-20 08:00 Europe/Berlin'], says: 'Invalid --since "2026-11-20 08:00 Europe/Berlin": a gateway cannot be told a time of a named zone; write it in UTC or in local time.' },
    { argv: ['--start', 'tail'], says: 'Invalid --start "tail": use head, boot or now.' },
    {
      argv: ['--since', 'last friday'],
      says: 'Invalid --since "last friday": this is not a time; write for example "2026-11-20 08:00", "2026-11-20T08:00:00Z", "yesterday" or "-1h".',
    },
    {
      argv: ['--until', '2026-02-30'],
      says: 'Invalid --until "2026-02-30": this is not a time; write for example "2026-11-20 08:00", "2026-11-20T08:00:00Z", "yesterday" or "-1h".',
    },
    { argv: ['--since', 'today', '--start', 'head'], says: 'Invalid --since "today": --start says another place to start at; leave out one of the two.' },
    { argv: ['--from', 'stdin', '--directory', '/j'], says: 'Invalid --directory "/j": it needs the journal, and --from stdin does not read it; leave out one of the two.' },
    { argv: ['--from', 'stdin', '--all-machines'], says: 'Invalid --all-machines: it needs the journal, and --from stdin does not read it; leave out one of the two.' },
    { argv: ['--from', 'stdin'], env: { JOURNALD_FORWARDER_SINCE: 'today' }, says: 'Invalid JOURNALD_FORWARDER_SINCE "today": it needs the journal, and --from stdin does not read it; leave out one of the two.' },
    { argv: ['--directory', '/j', '--namespace', 'web'], says: 'Invalid --namespace "web": --directory says already which journal to read; leave out one of the two.' },
    { argv: ['--namespace', 'a/b'], says: 'Invalid --namespace "a/b": a namespace is a name without "/" or spaces, or "*" for all.' },
  ],
  'about the filter': [
    { argv: ['--unit', 'a.service,b.service'], says: 'Invalid --unit "a.service,b.service": this is more than one unit; give the setting once for each.' },
    { argv: ['--priority', '8'], says: 'Invalid --priority "8": "8" is no severity, which is 0 to 7 or emerg, alert, crit, err, warning, notice, info or debug.' },
    { argv: ['--priority', 'error'], says: 'Invalid --priority "error": "error" is no severity, which is 0 to 7 or emerg, alert, crit, err, warning, notice, info or debug; the nearest is err.' },
    { argv: ['--priority', '0..4..5'], says: 'Invalid --priority "0..4..5": a range has two ends, for example warning..emerg.' },
    { argv: ['--match', '_UID'], says: 'Invalid --match "_UID": "_UID" is not FIELD=VALUE; a value with spaces stands in double quotes, for example MESSAGE="disk full".' },
    { argv: ['--match', 'MESSAGE=disk full'], says: 'Invalid --match "MESSAGE=disk full": "full" is not FIELD=VALUE; a value with spaces stands in double quotes, for example MESSAGE="disk full".' },
    { argv: ['--match', 'MESSAGE="disk'], says: 'Invalid --match "MESSAGE=\\"disk": a value in double quotes ends with one, and a space follows.' },
    { argv: ['--match', '_UID=0 + _UID=1'], says: 'Invalid --match "_UID=0 + _UID=1": an alternative to the fields before the "+" is a --match of its own.' },
    { argv: ['--match', '_uid=0'], says: 'Invalid --match "_uid=0": "_uid" is not a journal field, whose name has upper-case letters, digits and "_", for example _UID.' },
    { argv: ['--match', '__CURSOR=s'], says: 'Invalid --match "__CURSOR=s": __CURSOR is an address, not a field, and cannot be matched; use --since or --until for a time.' },
    { argv: ['--exclude-match', 'cron'], says: 'Invalid --exclude-match "cron": write FIELD=VALUE, for example SYSLOG_IDENTIFIER=cron.' },
    { argv: ['--exclude-match', '1ST=a'], says: 'Invalid --exclude-match "1ST=a": "1ST" is not a journal field, whose name has upper-case letters, digits and "_", for example _SYSTEMD_UNIT.' },
  ],
  'in a destination\'s URL': [
    { argv: ['--to', 'tcp://loghost'], says: 'Invalid --to "tcp://loghost": a port is needed, for example tcp://loghost:514.' },
    { argv: ['--to', 'loghost:514'], says: `Invalid --to "loghost:514": this does not begin with a known scheme; use ${destinationForms}.` },
    { argv: ['--to', 'tpc://loghost:514'], says: 'Invalid --to "tpc://loghost:514": the scheme "tpc" is not known, and the nearest known one is tcp.' },
    { argv: ['--to', 's3:bucket'], says: `Invalid --to "s3:…": s3 is not supported in this version; use ${destinationForms}.` },
    { argv: ['--to', 'tls://loghost:0'], says: 'Invalid --to "tls://loghost:0": a port is a number from 1 to 65535, for example tls://loghost:6514.' },
    { argv: ['--to', 'tls://loghost:'], says: 'Invalid --to "tls://loghost:": a port is needed, for example tls://loghost:6514.' },
    { argv: ['--to', 'https://ada:hunter2@hooks.example/in'], says: 'Invalid --to "https://…": a user or password in a URL is not supported; give jf.user= and jf.passwordFile= instead.' },
    { argv: ['--to', 'https://ada:1/hunter2@hooks.example/in'], says: 'Invalid --to "https://…": a path holds printable ASCII characters without spaces and "@"; write others in their percent form, as %40.' },
    { argv: ['--to', 'https://ada:1?hunter2@hooks.example/in'], says: 'Invalid --to "https://…": a query holds printable ASCII characters without spaces and "@"; write others in their percent form, as %40.' },
    { argv: ['--to', 'https:loghost'], says: 'Invalid --to "https:loghost": two slashes are needed before the host, for example https://loghost:443.' },
    { argv: ['--to', 'http://loghost:x/in'], says: 'Invalid --to "http://loghost:x/in": a port is a number from 1 to 65535, for example http://loghost:80.' },
    { argv: ['--to', 'http://loghost/a b'], says: 'Invalid --to "http://loghost/a b": a path holds printable ASCII characters without spaces and "@"; write others in their percent form, as %40.' },
    { argv: ['--to', 'tcp:loghost:514'], says: 'Invalid --to "tcp:loghost:514": two slashes are needed before the host, for example tcp://loghost:514.' },
    { argv: ['--to', 'tcp://loghost:70000'], says: 'Invalid --to "tcp://loghost:70000": a port is a number from 1 to 65535, for example tcp://loghost:514.' },
    { argv: ['--to', 'udp://loghost:syslog'], says: 'Invalid --to "udp://loghost:syslog": a port is a number from 1 to 65535, for example udp://loghost:514.' },
    { argv: ['--to', 'tcp://:514'], says: 'Invalid --to "tcp://:514": a host is needed, for example tcp://loghost:514.' },
    { argv: ['--to', 'tcp://::1:514'], says: 'Invalid --to "tcp://::1:514": an IPv6 address stands in brackets and a port follows it, for example tcp://[::1]:514.' },
    { argv: ['--to', 'tcp://[::g]:514'], says: 'Invalid --to "tcp://[::g]:514": only an IPv6 address stands in brackets, for example tcp://[::1]:514.' },
    { argv: ['--to', 'tcp://300.1.1.1:514'], says: 'Invalid --to "tcp://300.1.1.1:514": the host is neither a name nor an IP address, for example tcp://loghost:514.' },
    { argv: ['--to', 'tcp://loghost:514/logs'], says: 'Invalid --to "tcp://loghost:514/logs": nothing may follow the port, for example tcp://loghost:514.' },
    { argv: ['--to', 'tcp://loghost%zz:514'], says: 'Invalid --to "tcp://loghost%zz:514": a "%" begins two hexadecimal digits of UTF-8; write %25 for the sign itself.' },
    { argv: ['--to', 'tcp://user:hunter2@loghost:514'], says: 'Invalid --to "tcp://…": a user or password in a URL is not supported; leave out what stands before the "@".' },
    { argv: ['--to', 'tcp://user:hun?ter2@loghost:514'], says: 'Invalid --to "tcp://…": a port is a number from 1 to 65535, for example tcp://user:514.' },
    { argv: ['--to', 'ada:hunter2@loghost:514'], says: `Invalid --to "…": this does not begin with a known scheme; use ${destinationForms}.` },
    { argv: ['--to', 'tcp://0x7f.1:514'], says: 'Invalid --to "tcp://0x7f.1:514": the host is neither a name nor an IP address, for example tcp://loghost:514.' },
    { argv: ['--to', 'unix://run/log.sock'], says: 'Invalid --to "unix://run/log.sock": an absolute path stands behind two slashes, for example unix:///run/log.sock.' },
    { argv: ['--to', `unix:///${'a'.repeat(107)}`], says: `Invalid --to "unix:///${'a'.repeat(107)}": the path of a socket has at most 107 bytes; choose a shorter one.` },
    { argv: ['--to', 'stdout'], says: 'Invalid --to "stdout": standard output is written with a colon, stdout:.' },
    { argv: ['--to', 'stdout:json'], says: 'Invalid --to "stdout:json": nothing but settings may follow stdout:, for example stdout:?format=short.' },
    { argv: ['--to', 'tcp://h:1#a'], says: 'Invalid --to "tcp://h:1": a "#" has no meaning here; write %23 for the sign itself.' },
    { argv: ['--to', 'tcp://h:1', '--to', 'tcp://H:1?format=json'], says: 'Invalid --to "tcp://H:1": another destination has the name "tcp-h-1" too; leave out one of the two, or give one a name= of its own.' },
    { argv: ['--to', 'stdout:', '--to', 'stdout:?name=b'], says: 'Invalid --to "stdout:": there is only one stdout; leave out one of the two.' },
  ],
  'about the fields of JSON': [
    { argv: ['--fields', 'MESSAGE,unit'], says: 'Invalid --fields "MESSAGE,unit": "unit" is not a journal field, whose name has upper-case letters, digits and "_", for example _SYSTEMD_UNIT.' },
    { argv: ['--field-map', 'MESSAGE'], says: 'Invalid --field-map "MESSAGE": "MESSAGE" is not FIELD=name; write for example MESSAGE=message,_HOSTNAME=host.' },
    { argv: ['--field-map', 'MESSAGE=a,MESSAGE=b'], says: 'Invalid --field-map "MESSAGE=a,MESSAGE=b": MESSAGE has two names; keep one.' },
    { argv: ['--field-map-strict'], says: 'Invalid --field-map-strict: there is no map whose fields alone could be kept; add one, or leave it out.' },
    { argv: ['--to', 'stdout:?fieldMapStrict=true'], says: 'Invalid --to "stdout:?fieldMapStrict=true": there is no map whose fields alone could be kept; add one, or leave it out.' },
    { argv: ['--to', 'tcp://h:1?lowercase=true'], says: 'Invalid --to "tcp://h:1?lowercase=true": lowercase has no meaning for format rfc5424; use it with json.' },
    { argv: ['--add-field', 'role'], says: 'Invalid --add-field "role": write NAME=VALUE, for example cluster=blue.' },
  ],
  'about CloudWatch Logs': [
    { argv: ['--to', 'cloudwatch:'], says: 'Invalid --to "cloudwatch:": a log group stands behind the colon, 1 to 512 letters, digits, ".", "-", "_", "/" or "#", for example cloudwatch:/servers/web.' },
    { argv: ['--to', 'cloudwatch:a b'], says: 'Invalid --to "cloudwatch:a b": a log group stands behind the colon, 1 to 512 letters, digits, ".", "-", "_", "/" or "#", for example cloudwatch:/servers/web.' },
    { argv: ['--to', 'cloudwatch:g?stream={hostnam}'], says: 'Invalid --to "cloudwatch:g?stream={hostnam}": in stream the placeholder "{hostnam}" is not known; the nearest known one is hostname.' },
    { argv: ['--to', 'cloudwatch:g?stream={unit'], says: 'Invalid --to "cloudwatch:g?stream={unit": in stream a "{" begins a placeholder and a "}" ends it, for example {hostname}.' },
    { argv: ['--to', 'cloudwatch:g?stream={date:%Y-%X}'], says: 'Invalid --to "cloudwatch:g?stream={date:%Y-%X}": in stream a date is made of %Y, %m, %d, %H, %M and %j, for example {date:%Y-%m-%d}.' },
    { argv: ['--to', 'cloudwatch:g?region=Frankfurt'], says: 'Invalid --to "cloudwatch:g?region=Frankfurt": region is the short name of one, for example eu-central-1 of AWS or eu of Rapid7.' },
    { argv: ['--to', 'cloudwatch:g?retentionDays=7'], says: 'Invalid --to "cloudwatch:g?retentionDays=7": it is given to a log group that is created; add create=true, or leave it out.' },
    { argv: ['--to', 'cloudwatch:g?create=true&retentionDays=8'], says: 'Invalid --to "cloudwatch:g?retentionDays=8": CloudWatch keeps events for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days.' },
    { argv: ['--to', 'cloudwatch:g?endpoint=vpce.example'], says: 'Invalid --to "cloudwatch:g?endpoint=vpce.example": endpoint is a URL such as https://vpce-1a2b.logs.eu-central-1.vpce.amazonaws.com.' },
    { argv: ['--to', 'cloudwatch:g?endpoint=https://ada:hunter2@x'], says: 'Invalid --to "endpoint=…": endpoint holds no user or password; credentials come from the environment, a profile or a role.' },
    { argv: ['--to', 'cloudwatch:g?eventBytes=2000000'], says: 'Invalid --to "cloudwatch:g?eventBytes=2000000": eventBytes is a whole number from 1024 to 1048576.' },
  ],
  'in a destination\'s settings': [
    { argv: ['--to', 'tcp://h:1?fromat=json'], says: 'Invalid --to "tcp://h:1?fromat": there is no such setting; the nearest known one is format.' },
    { argv: ['--to', 'tcp://h:1?password=hunter2'], says: 'Invalid --to "tcp://h:1?password=…": password is a setting of http or https destinations only; leave it out.' },
    { argv: ['--to', 'https://h/?jf.password=hunter2'], says: 'Invalid --to "https://h/?jf.password=…": every user of this machine can see what stands on a command line; give passwordFile= or passwordEnv=, or write it into the file of --config.' },
    { argv: ['--to', 'https://h/?jf.token=hunter2&x=y'], says: 'Invalid --to "https://h/?jf.token=…": every user of this machine can see what stands on a command line; give tokenFile= or tokenEnv=, or write it into the file of --config.' },
    { argv: ['--to', 'https://h/?jf.header.X-Api-Key=hunter2'], says: 'Invalid --to "https://h/?jf.header.X-Api-Key=…": every user of this machine can see what stands on a command line; give headerFile.X-Api-Key= or headerEnv.X-Api-Key=, or write it into the file of --config.' },
    { argv: ['--to', 'https://h/?jf.header.X-Scope=a%0Ahunter2'], says: 'Invalid --to "https://h/?jf.header.X-Scope=…": a header holds printable ASCII characters.' },
    { argv: ['--to', 'https://h/?jf.header=hunter2'], says: 'Invalid --to "https://h/?jf.header": a name follows a dot, as in header.X-Scope-OrgID.' },
    { argv: ['--to', 'https://h/?jf.header.Content-Length=1'], says: 'Invalid --to "https://h/?jf.header.Content-Length=…": the header Content-Length is set by this program, as are connection, content-encoding, content-length, expect, host, idempotency-key, keep-alive, proxy-authorization, te, trailer, transfer-encoding or upgrade; leave it out.' },
    { argv: ['--to', 'https://h/?jf.header.X=a&jf.header.X=b'], says: 'Invalid --to "https://h/?jf.header.X=…": header.X is given twice; keep one.' },
    { argv: ['--to', 'https://h/?jf.header.X=a&jf.headerFile.x=/b'], says: 'Invalid --to "https://h/?jf.headerFile.x=/b": the header x is given twice; keep one.' },
    { argv: ['--to', 'https://h/?jf.headerFile.Authorization=/a&jf.tokenFile=/b'], says: 'Invalid --to "https://h/?jf.headerFile.Authorization=/a": the credentials make this header, and they are given too; keep one.' },
    { argv: ['--to', 'https://h/?jf.tokenFile=/a&jf.tokenEnv=B'], says: 'Invalid --to "https://h/?jf.tokenFile=/a": tokenEnv is given too; keep one.' },
    { argv: ['--to', 'https://h/?jf.tokenFile=a/b'], says: 'Invalid --to "tokenFile=…": tokenFile is an absolute path, for example /etc/journald-forwarder/token, or the name of a file in $CREDENTIALS_DIRECTORY.' },
    { argv: ['--to', 'https://h/?jf.tokenEnv=hunter2%20'], says: 'Invalid --to "tokenEnv=…": tokenEnv is the name of an environment variable, for example LOG_TOKEN.' },
    { argv: ['--to', 'https://h/?jf.tokenFile=/a&jf.user=ada'], says: 'Invalid --to "https://h/?jf.tokenFile=/a": user and password are given too; keep the one or the other.' },
    { argv: ['--to', 'https://h/?jf.user=ada'], says: 'Invalid --to "https://h/?jf.user=ada": a user needs a password; give passwordFile= too.' },
    { argv: ['--to', 'https://h/?jf.user=a:b'], says: 'Invalid --to "https://h/?jf.user=a:b": user has at least one character, no colon and no control characters.' },
    { argv: ['--to', 'https://h/?jf.passwordFile=/a'], says: 'Invalid --to "https://h/?jf.passwordFile=/a": a password needs a user; give user= too.' },
    { argv: ['--to', 'https://h/?jf.format=json'], says: 'Invalid --to "https://h/?jf.format=json": over http and https, format is ndjson or array.' },
    { argv: ['--to', 'https://h/?jf.fromat=json'], says: 'Invalid --to "https://h/?jf.fromat": there is no such setting; the nearest known one is format.' },
    { argv: ['--to', 'https://h/?jf.'], says: 'Invalid --to "https://h/": its query is not of the form ?jf.setting=value&jf.setting=value.' },
    { argv: ['--to', 'https://h/?jf.appName=x'], says: 'Invalid --to "https://h/?jf.appName=x": appName is a setting of stdout, tcp, tls, udp, unix, relp or relps destinations only; leave it out.' },
    { argv: ['--to', 'https://h/?jf.compress=zstd'], says: 'Invalid --to "https://h/?jf.compress=zstd": compress is gzip or none.' },
    { argv: ['--to', 'https://h/?jf.inFlight=0'], says: 'Invalid --to "https://h/?jf.inFlight=0": inFlight is a whole number from 1 to 64.' },
    { argv: ['--to', 'tcp://h:1?compress=gzip'], says: 'Invalid --to "tcp://h:1?compress=gzip": compress is a setting of http or https destinations only; leave it out.' },
    { argv: ['--to', 'tcp://h:1?jf.format=json'], says: 'Invalid --to "tcp://h:1?jf.format": there is no such setting; the nearest known one is format.' },
    { argv: ['--to', 'tcp://h:1?toString=1'], says: 'Invalid --to "tcp://h:1?toString": there is no such setting; docs/options.md lists those there are.' },
    { argv: ['--to', 'tcp://h:1?=json'], says: 'Invalid --to "tcp://h:1": its query is not of the form ?setting=value&setting=value.' },
    { argv: ['--to', 'tcp://h:1?hunter2'], says: 'Invalid --to "tcp://h:1": its query is not of the form ?setting=value&setting=value.' },
    { argv: ['--to', 'tcp://h:1?bom'], says: 'Invalid --to "tcp://h:1?bom": bom needs a value; write bom=BOOLEAN.' },
    { argv: ['--to', 'tcp://h:1?format=jsn'], says: 'Invalid --to "tcp://h:1?format=jsn": format is rfc5424, rfc3164, json, short or cat.' },
    { argv: ['--to', 'tcp://h:1?framing=crlf'], says: 'Invalid --to "tcp://h:1?framing=crlf": framing is octet-counting or lf.' },
    { argv: ['--to', 'udp://h:1?framing=lf'], says: 'Invalid --to "udp://h:1?framing=lf": framing is a setting of tcp, tls or unix destinations only; leave it out.' },
    { argv: ['--to', 'tcp://h:1?maxBytes=100'], says: 'Invalid --to "tcp://h:1?maxBytes=100": maxBytes is a whole number from 480 to 1073741824.' },
    { argv: ['--to', 'udp://h:1?maxBytes=65508'], says: 'Invalid --to "udp://h:1?maxBytes=65508": a datagram holds at most 65507 bytes.' },
    { argv: ['--to', 'tcp://h:1?maxBytes=8k'], says: 'Invalid --to "tcp://h:1?maxBytes=8k": maxBytes is a whole number from 480 to 1073741824.' },
    { argv: ['--to', 'tcp://h:1?facility=local8'], says: 'Invalid --to "tcp://h:1?facility=local8": facility is a number from 0 to 23 or a name, for example daemon or local0.' },
    { argv: ['--to', 'tcp://h:1?facility=24'], says: 'Invalid --to "tcp://h:1?facility=24": facility is a number from 0 to 23 or a name, for example daemon or local0.' },
    { argv: ['--to', 'tcp://h:1?appName=my%20app'], says: 'Invalid --to "tcp://h:1?appName=my%20app": appName has 1 to 48 printable ASCII characters and no space.' },
    { argv: ['--to', 'tcp://h:1?structuredData=unit'], says: 'Invalid --to "tcp://h:1?structuredData=unit": "unit" in structuredData is not a journal field of at most 32 characters; write for example _SYSTEMD_UNIT,__CURSOR.' },
    { argv: ['--to', 'tcp://h:1?format=json&bom=true'], says: 'Invalid --to "tcp://h:1?bom=true": bom has no meaning for format json; use it with rfc5424.' },
    { argv: ['--to', 'tcp://h:1?bom=maybe'], says: 'Invalid --to "tcp://h:1?bom=maybe": bom is true or false.' },
    { argv: ['--to', 'tcp://h:1?format=cat&format=json'], says: 'Invalid --to "tcp://h:1?format=json": format is given twice; keep one.' },
    { argv: ['--to', 'tcp://h:1?name=a.previous'], says: 'Invalid --to "tcp://h:1?name=a.previous": a name must not end in ".previous", which is kept for a checkpoint\'s predecessor; choose another.' },
    { argv: ['--to', 'tcp://h:1?name=../x'], says: 'Invalid --to "tcp://h:1?name=../x": name has 1 to 128 letters, digits, ".", "_" or "-", and no "." at its beginning.' },
    { argv: ['--to', 'tls://h?framing=lf'], says: 'Invalid --to "tls://h?framing=lf": syslog over TLS counts octets (RFC 5425 section 4.3); leave it out.' },
    { argv: ['--to', 'logentries:?token=hunter2'], says: 'Invalid --to "logentries:?token=…": every user of this machine can see what stands on a command line; give tokenFile= or tokenEnv=, or write it into the file of --config.' },
    { argv: ['--to', 'logentries:?format=rfc5424'], says: 'Invalid --to "logentries:?format=rfc5424": Logentries takes lines of text, and none of syslog; use short, json or cat.' },
    { argv: ['--to', 'logentries:?region=EU!'], says: 'Invalid --to "logentries:?region=EU!": region is the short name of one, for example eu-central-1 of AWS or eu of Rapid7.' },
    { argv: ['--to', 'logentries://h?region=us'], says: 'Invalid --to "logentries://h?region=us": the host is named already, in the URL or by LOGENTRIES_URL; leave out one of the two.' },
    { argv: ['--to', 'logentries://h:514?ca=/ca.crt'], says: 'Invalid --to "logentries://h:514?ca=/ca.crt": there is no TLS at port 514 unless tls=true says so; leave it out.' },
    { argv: ['--to', 'logentries:'], env: { LOGENTRIES_URL: 'https://h/' }, says: 'Invalid LOGENTRIES_URL "https://h/": write HOST:PORT, for example eu.data.logs.insight.rapid7.com:443.' },
    { argv: ['--to', 'tcp://h:1?ca=/ca.crt'], says: 'Invalid --to "tcp://h:1?ca=/ca.crt": ca is a setting of tls, relps, https or logentries destinations only; leave it out.' },
    { argv: ['--to', 'tls://h?ca=../ca.crt'], says: 'Invalid --to "tls://h?ca=../ca.crt": ca is an absolute path, for example /etc/ssl/forwarder.pem, or the name of a file in $CREDENTIALS_DIRECTORY.' },
    { argv: ['--to', 'tls://h?cert=/c&key=-----BEGIN hunter2'], says: 'Invalid --to "key=…": key is the path of a file, and not its content.' },
    { argv: ['--to', 'tls://h?cert=/c.crt'], says: 'Invalid --to "tls://h?cert=/c.crt": a certificate needs its key; give key= too.' },
    { argv: ['--to', 'tls://h?key=/c.key'], says: 'Invalid --to "tls://h?key=/c.key": a key is of use with its certificate alone; give cert= too.' },
    { argv: ['--to', 'tls://h?ca=/c&insecure=true'], says: 'Invalid --to "tls://h?ca=/c": insecure=true asks nobody; leave out one of the two.' },
    { argv: ['--to', 'tls://h?serverName=a..b'], says: 'Invalid --to "tls://h?serverName=a..b": serverName is the name or the IP address in the server\'s certificate, for example loghost.example.com.' },
    { argv: ['--to', 'tcp://h:1?confirmAfterMs=1s'], says: 'Invalid --to "tcp://h:1?confirmAfterMs=1s": confirmAfterMs is a whole number from 0 to 3600000.' },
  ],
  'about state and log': [
    { argv: ['--to', 'tcp://h:1', '--no-checkpoint', '--reset-checkpoint'], says: 'Invalid --reset-checkpoint: --no-checkpoint keeps none to forget; leave out one of the two.' },
    { argv: ['--reset-checkpoint'], says: 'Invalid --reset-checkpoint: stdout: keeps none to forget; leave it out, or give --state-dir.' },
    { argv: ['--shutdown-timeout', '10'], says: 'Invalid --shutdown-timeout "10": the time is a number with a unit, at most 24h, for example 500ms, 10s or 2m.' },
    { argv: ['--log-level', 'verbose'], says: 'Invalid --log-level "verbose": use debug, info, warn or error.' },
    { argv: ['--log-format', 'logfmt'], says: 'Invalid --log-format "logfmt": use text or json.' },
  ],
  'in the environment': [
    { env: { JOURNALD_FORWARDER_PRIORITY: 'loud' }, says: 'Invalid JOURNALD_FORWARDER_PRIORITY "loud": "loud" is no severity, which is 0 to 7 or emerg, alert, crit, err, warning, notice, info or debug.' },
    { env: { JOURNALD_FORWARDER_NO_FOLLOW: 'maybe' }, says: 'Invalid JOURNALD_FORWARDER_NO_FOLLOW "maybe": no-follow is true or false.' },
    { env: { JOURNALD_FORWARDER_TO: 'tcp://h:1\nudp://h' }, says: 'Invalid JOURNALD_FORWARDER_TO "udp://h": a port is needed, for example udp://h:514.' },
    { env: { JOURNALD_FORWARDER_CONFIG: 'missing.yaml' }, says: 'Invalid JOURNALD_FORWARDER_CONFIG "missing.yaml": the file cannot be read (ENOENT); mend its path or its rights.' },
  ],
  'in a file': [
    { file: 'unti: nginx', says: 'Invalid config.yaml: unti: there is no such setting; the nearest known one is unit.' },
    { file: 'stateDir: /x', says: 'Invalid config.yaml: stateDir: there is no such setting; the nearest known one is state-dir.' },
    { file: 'config: other.yaml', says: 'Invalid config.yaml: config: there is no such setting; a file cannot name another.' },
    { file: 'start: [head, now]', says: 'Invalid config.yaml: start: write one value here.' },
    { file: 'unit: {name: nginx}', says: 'Invalid config.yaml: unit[0]: write one value here.' },
    { file: 'priority: 9', says: 'Invalid config.yaml: priority "9": "9" is no severity, which is 0 to 7 or emerg, alert, crit, err, warning, notice, info or debug.' },
    { file: 'unit: [nginx, "a b"]', says: 'Invalid config.yaml: unit[1] "a b": this is more than one unit; give the setting once for each.' },
    { file: 'to: ["stdout:", {url: "tcp://h:1", format: jsn}]', says: 'Invalid config.yaml: to[1].format "jsn": format is rfc5424, rfc3164, json, short or cat.' },
    { file: 'to: [{url: "tcp://h:1", fromat: json}]', says: 'Invalid config.yaml: to[0].fromat: there is no such setting; the nearest known one is format.' },
    { file: 'to: [{url: "tcp://h:1", token: hunter2}]', says: 'Invalid config.yaml: to[0].token "…": token is a setting of http, https or logentries destinations only; leave it out.' },
    { file: 'to: [{url: "https://h/", header: hunter2}]', says: 'Invalid config.yaml: to[0].header: a name follows a dot, as in header.X-Scope-OrgID.' },
    { file: 'to: [{url: "https://h/", header: {"a b": hunter2}}]', says: 'Invalid config.yaml: to[0].header.(a key that is no plain word) "…": the name of a header has letters, digits and "-", for example header.X-Scope-OrgID.' },
    { file: 'to: [{url: "https://h/", header: {X: [hunter2]}}]', says: 'Invalid config.yaml: to[0].header: write one value here, a list, or a mapping of names to values.' },
    { file: 'to: [{url: "https://h/", token: hunter2, tokenFile: /a}]', says: 'Invalid config.yaml: to[0].token "…": tokenFile is given too; keep one.' },
    { file: 'to: [{url: "tcp://h:1?format=json", format: cat}]', says: 'Invalid config.yaml: to[0].format "cat": format is given twice; keep one.' },
    { file: 'to: [{format: cat}]', says: 'Invalid config.yaml: to[0].url: a URL is needed, in quotes if it ends with a colon.' },
    { file: 'to:\n  - stdout:', says: 'Invalid config.yaml: to[0].url: a URL is needed, in quotes if it ends with a colon.' },
    { file: 'to: [[a]]', says: 'Invalid config.yaml: to[0]: write a URL, or a mapping with a url and the destination\'s settings.' },
    { file: 'to: [{url: "tcp://h:1", format: {a: b}}]', says: 'Invalid config.yaml: to[0].format.a: there is no such setting; the nearest known one is format.' },
    { file: 'to: tcp://loghost', says: 'Invalid config.yaml: to "tcp://loghost": a port is needed, for example tcp://loghost:514.' },
    { file: 'no-follow: perhaps', says: 'Invalid config.yaml: no-follow "perhaps": no-follow is true or false.' },
    { file: 'unit: ""', says: 'Invalid config.yaml: unit "": a value is needed, for example nginx.service.' },
    { file: '- unit: nginx', says: 'Invalid config.yaml: settings are a mapping; write for example "to: tcp://loghost:514".' },
    { file: 'to: stdout:', says: 'Invalid config.yaml, line 1, column 5: this is not YAML (block as implicit key); mend that line, where a value with a colon may need quotes.' },
    { file: 'unit: a\nto: "hunter2', says: 'Invalid config.yaml, line 2, column 13: this is not YAML (missing char); mend that line, where a value with a colon may need quotes.' },
    { file: 'unit: a\nunit: b', says: 'Invalid config.yaml, line 2, column 1: this is not YAML (duplicate key); mend that line, where a value with a colon may need quotes.' },
    { file: 'to: *hunter2', says: 'Invalid config.yaml: an alias ("*name") has no anchor before it; quote a value that begins with "*".' },
    { file: '? [hunter2]\n: a', says: 'Invalid config.yaml: (a key that is no plain word): there is no such setting; docs/options.md lists those there are.' },
  ],
};

describe('a wrong setting', () => {
  for (const [where, rows] of Object.entries(mistakes)) {
    describe(where, () => {
      for (const { argv = [], env = {}, file, says } of rows) {
        const given = [...argv.map((word) => JSON.stringify(word)), ...Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`), ...(file === undefined ? [] : [JSON.stringify(file)])].join(' ');
        it(`is told in one sentence: ${given}`, async () => {
          const error = await mistakeOf(file === undefined ? { argv, env } : { argv, env, file });
          assert.ok(error instanceof SettingError, String(error));
          assert.equal(error.code, 'ERR_SETTING');
          assert.equal(error.message, says);
          assert.ok(says.includes(error.setting), `the setting ${error.setting} is named`);
          assert.doesNotMatch(inspect(error, { depth: 9 }).replaceAll(/^ {4}at .*$/gm, ''), /hunter2|hun|ter2/, 'no secret is shown, not even by the cause');
        });
      }
    });
  }

  it('is refused in at least forty forms', () => {
    assert.ok(Object.values(mistakes).flat().length >= 40);
  });

  it('cannot steer a terminal from within the sentence', async () => {
    const error = await mistakeOf({ argv: ['--start', '\x1b[31m\x9b\n'] });
    assert.equal(error.message, 'Invalid --start "\\u001b[31m\\u009b\\n": use head, boot or now.');
  });
});

async function mistakeOf(given: Given): Promise<Error> {
  return loadedFrom(given).then(
    () => assert.fail('nothing was refused'),
    (error: unknown) => error as Error,
  );
}
