import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDestination } from '../../src/config/destination.js';

const read = (text: string) => readDestination({ text, where: '--to' });

describe('a destination', () => {
  for (const [url, framing, maxBytes] of [
    ['tcp://h:1', 'octet-counting', 65_536],
    ['unix:///run/log.sock', 'octet-counting', 65_536],
    ['tls://h', 'octet-counting', 65_536],
    ['tls://h?framing=octet-counting&format=short', 'octet-counting', 65_536],
    ['tls://h?format=json', 'octet-counting', 8_388_608],
    ['tcp://h:1?format=rfc3164', 'lf', 65_536],
    ['tcp://h:1?format=short', 'lf', 65_536],
    ['unix:///run/log.sock?format=json', 'lf', 8_388_608],
    ['tcp://h:1?format=json&framing=octet-counting&maxBytes=480', 'octet-counting', 480],
  ] as const) {
    it(`${url} has ${framing} frames of at most ${maxBytes} bytes`, () => {
      const destination = read(url);
      assert.ok(destination.kind === 'syslog-stream');
      assert.equal(destination.framing, framing);
      assert.equal(destination.encoding.maxBytes, maxBytes);
      assert.deepEqual([destination.confirmAfterMs, destination.confirmBytes], [1000, 8_388_608]);
    });
  }

  it('over UDP sends datagrams of at most 8192 bytes by default, and 65507 at most', () => {
    assert.equal(read('udp://h:1').encoding.maxBytes, 8192);
    assert.equal(read('udp://h:1?format=json').encoding.maxBytes, 8192);
    assert.equal(read('udp://h:1?maxBytes=65507').encoding.maxBytes, 65_507);
  });

  it('over RELP sends what rsyslog stores by default, whatever the format', () => {
    for (const url of ['relp://h:2514', 'relp://h:2514?format=json']) {
      const { kind, encoding } = read(url);
      assert.deepEqual([kind, encoding.maxBytes], ['relp', 8192]);
    }
    assert.equal(read('relp://h:2514?maxBytes=1000000').encoding.maxBytes, 1_000_000);
    assert.throws(() => read('relp://h:2514?ca=/ca.pem'), /ca is a setting of tls, relps, https or logentries destinations only/);
    const secured = read('relps://h:2514?ca=/ca.pem&cert=c&key=k');
    assert.ok(secured.kind === 'relp');
    assert.deepEqual(secured.tls, { ca: '/ca.pem', cert: 'c', key: 'k', serverName: undefined, insecure: false });
    assert.throws(() => read('relp://h:2514?framing=lf'), /framing is a setting of tcp, tls or unix destinations only/);
  });

  for (const [url, name, label] of [
    ['relp://LogHost:2514', 'relp-loghost-2514', 'relp://loghost:2514'],
    ['tcp://LogHost:514', 'tcp-loghost-514', 'tcp://loghost:514'],
    ['TCP://loghost:0514/?format=json&confirmBytes=1', 'tcp-loghost-514', 'tcp://loghost:514'],
    ['udp://192.0.2.1:514', 'udp-192.0.2.1-514', 'udp://192.0.2.1:514'],
    ['tcp://[2001:db8::1]:514', 'tcp-2001-db8--1-514', 'tcp://[2001:db8::1]:514'],
    ['tcp://m%C3%BCnchen.example:514', 'tcp-xn--mnchen-3ya.example-514', 'tcp://xn--mnchen-3ya.example:514'],
    ['unix:///run/my%20log.sock', 'unix-run-my-log.sock', 'unix:///run/my log.sock'],
    ['tls://LogHost', 'tls-loghost-6514', 'tls://loghost:6514'],
    ['tls://[::1]/?ca=/etc/secret.crt', 'tls---1-6514', 'tls://[::1]:6514'],
    ['tls://loghost:10514', 'tls-loghost-10514', 'tls://loghost:10514'],
    ['stdout:?format=short', 'stdout', 'stdout:'],
    ['tcp://loghost:514?name=main', 'main', 'tcp://loghost:514'],
  ] as const) {
    it(`${url} is called ${name}, and shown as ${label}`, () => {
      const destination = read(url);
      assert.deepEqual([destination.name, destination.label], [name, label]);
      assert.match(destination.name, /^[A-Za-z0-9._-]+$/);
    });
  }

  for (const [url, name, label] of [
    ['http://h', 'http-h-80', 'http://h:80/'],
    ['https://LogHost/', 'https-loghost-443', 'https://loghost:443/'],
    ['https://h:8443/a/b%20c/?token=x&jf.inFlight=2', 'https-h-8443-a-b-20c', 'https://h:8443/a/b%20c/'],
    ['http://[::1]:8080/in?jf.name=main', 'main', 'http://[::1]:8080/in'],
  ] as const) {
    it(`${url} is called ${name}, and shown as ${label}`, () => {
      const destination = read(url);
      assert.deepEqual([destination.name, destination.label], [name, label]);
    });
  }

  it('over HTTP has settings with a prefix in its query, and leaves all that has none to the server', () => {
    const destination = read('https://h/in?b=%20x&jf.format=array&a&jf.compress=gzip&&format=json&jf.header.X-Scope=a%26b&c=1');
    assert.ok(destination.kind === 'http');
    const { body, compress, path, query, headers, credentials, encoding } = destination;
    assert.deepEqual([body, compress, path, query.reveal()], ['array', 'gzip', '/in', 'b=%20x&a&&format=json&c=1']);
    assert.deepEqual([encoding.format, encoding.maxBytes, credentials], ['json', 8_388_608, undefined]);
    assert.deepEqual(headers.map(({ name, value }) => [name, value.setting, 'text' in value.from && value.from.text.reveal()]), [['X-Scope', 'header.X-Scope', 'a&b']]);
  });

  it('over HTTP sends batches of a megabyte, one at a time, if it is told nothing else', () => {
    const destination = read('https://h/in');
    assert.ok(destination.kind === 'http');
    const { body, compress, batchMessages, batchBytes, maxAgeMs, inFlight, timeoutMs } = destination;
    assert.deepEqual({ body, compress, batchMessages, batchBytes, maxAgeMs, inFlight, timeoutMs }, { body: 'ndjson', compress: 'none', batchMessages: 10_000, batchBytes: 1_000_000, maxAgeMs: 20, inFlight: 1, timeoutMs: 60_000 });
  });

  it('takes secrets from files, variables, and, where no command line shows them, as they are', () => {
    const credentialsOf = (text: string, where = '--to') => {
      const destination = readDestination({ text, where });
      return destination.kind === 'http' ? destination.credentials : undefined;
    };
    assert.deepEqual(credentialsOf('https://h/?jf.tokenFile=token'), { token: { setting: 'tokenFile', from: { file: 'token' } } });
    assert.deepEqual(credentialsOf('https://h/?jf.user=ada@x&jf.passwordEnv=PW'), { user: 'ada@x', password: { setting: 'passwordEnv', from: { variable: 'PW' } } });
    const fromVariable = credentialsOf('https://h/?jf.token=hunter2', 'JOURNALD_FORWARDER_TO');
    assert.ok(fromVariable !== undefined && 'token' in fromVariable && 'text' in fromVariable.token.from);
    assert.equal(fromVariable.token.from.text.reveal(), 'hunter2');
    assert.doesNotMatch(JSON.stringify(fromVariable), /hunter2/);
  });

  it('has an address without brackets and percent signs', () => {
    const addressOf = (url: string) => {
      const destination = read(url);
      return 'address' in destination ? destination.address : undefined;
    };
    assert.deepEqual(addressOf('tcp://[::1]:514'), { host: '::1', port: 514 });
    assert.deepEqual(addressOf('tcp://[fe80::1%25eth0]:514'), { host: 'fe80::1%eth0', port: 514 });
    assert.deepEqual(addressOf('unix:///run/my%20log.sock'), { path: '/run/my log.sock' });
  });

  it('over TLS has the files that it is given, and whom to expect', () => {
    const tlsOf = (url: string) => {
      const destination = read(url);
      assert.ok(destination.kind === 'syslog-stream');
      return destination.tls;
    };
    assert.deepEqual(tlsOf('tls://h'), { ca: undefined, cert: undefined, key: undefined, serverName: undefined, insecure: false });
    assert.deepEqual(tlsOf('tls://h?ca=%2Fca.crt&cert=/c.crt&key=client.key&serverName=Central.Example.com'), { ca: '/ca.crt', cert: '/c.crt', key: 'client.key', serverName: 'central.example.com', insecure: false });
    assert.deepEqual(tlsOf('tls://h?insecure=yes&serverName=[::1]'), { ca: undefined, cert: undefined, key: undefined, serverName: '::1', insecure: true });
    assert.equal(tlsOf('tcp://h:1'), undefined);
  });

  it('takes a facility by name or number, kernel included', () => {
    for (const [text, facility] of [['kern', 0], ['0', 0], ['LOCAL7', 23], ['23', 23], ['authpriv', 10], ['cron', 9]] as const) {
      assert.equal(read(`tcp://h:1?facility=${text}`).encoding.facility, facility);
    }
  });

  it('takes fields, percent signs and empty parts of its query', () => {
    const { encoding } = read('tcp://h:1?&structuredData=_SYSTEMD_UNIT%2C__CURSOR,_PID,_PID&&hostname=a%2Bb+c&bom=yes&');
    assert.deepEqual(encoding.structuredData, ['_SYSTEMD_UNIT', '__CURSOR', '_PID']);
    assert.equal(encoding.hostname, 'a+b+c');
    assert.equal(encoding.bom, true);
  });
});
