import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseCommandLine } from '../../src/cli.js';
import { completionScript } from '../../src/completion/script.js';
import { shells } from '../../src/completion/shells.js';
import { destinationSettings, settingRow } from '../../src/config/destination-settings.js';
import type { Scheme } from '../../src/config/setting-rows/row.js';
import { readDestination } from '../../src/config/destination.js';
import { schemes } from '../../src/config/schemes.js';
import { vocabulary } from '../../src/vocabulary.js';
import { ShellLine } from './shell-line.js';

const program = 'journald-forwarder';

/** The flags that a command's `--help` shows. */
function flagsOfHelp(...argv: string[]): string[] {
  const help = parseCommandLine([...argv, '--help'], {}, { uid: 0, homeDirectory: '/' });
  assert.ok(help.command === 'print');
  return [...help.text.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag!).sort();
}

for (const shell of shells) {
  describe(`in ${shell}, Tab`, () => {
    let folder: string;
    let line: ShellLine;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'completion-test-'));
      await mkdir(join(folder, 'a-folder'));
      for (const name of ['a-file.yaml', 'b-file with space']) await writeFile(join(folder, name), '');
      line = await ShellLine.start(shell, completionScript(shell, vocabulary()), folder);
    });
    after(async () => {
      await line.stop();
      await rm(folder, { recursive: true });
    });

    const words = async (typed: string) => (await line.complete(`${program} ${typed}`)).words;
    /** The line as it becomes, without the program's name. */
    const becomes = async (typed: string) => (await line.complete(`${program} ${typed}`)).line.slice(program.length + 1);

    it('completes commands, in the first place alone', async () => {
      assert.deepEqual(await words(''), ['check', 'completion', 'demo', 'help', 'listen', 'run', 'status']);
      assert.equal(await becomes('st'), 'status ');
      assert.equal(await becomes('run st'), 'run st');
      assert.equal(await becomes('help st'), 'help status ');
      assert.equal(await becomes('completion fi'), 'completion fish ');
    });

    it('completes the options that --help shows, of each command', async () => {
      for (const command of ['run', 'check', 'status', 'listen', 'demo', 'completion']) assert.deepEqual(await words(`${command} --`), flagsOfHelp(command), command);
      assert.deepEqual(await words('--'), flagsOfHelp());
      assert.equal(await becomes('--no-fo'), '--no-follow ');
      assert.equal(await becomes('check --include'), 'check --include-self ');
      assert.deepEqual(await words('run --unit a --unit'), ['--unit']);
      // fish cannot tell an option that was given from the one whose value is being typed.
      if (shell !== 'fish') assert.deepEqual(await words('run --start head --star'), [], 'an option that may be given once');
    });

    it('completes what an option can be, behind a space and behind an equals sign', async () => {
      for (const [flag, expected] of [
        ['--log-level', ['debug', 'error', 'info', 'warn']],
        ['--start', ['boot', 'head', 'now']],
        ['--priority', ['alert', 'crit', 'debug', 'emerg', 'err', 'info', 'notice', 'warning']],
        ['--from', ['gateway:', 'journal', 'stdin']],
      ] as const) {
        assert.deepEqual(await words(`status --kernel ${flag} `), expected);
        assert.deepEqual(await words(`${flag}=`), expected);
      }
      assert.equal(await becomes('--priority=warn'), '--priority=warning ');
      assert.equal(await becomes('--from gate'), '--from gateway:');
      assert.deepEqual(await words('--unit '), []);
    });

    it('completes the schemes of --to and of listen, and puts no space where a host follows', async () => {
      assert.deepEqual(await words('--kernel --to '), Object.values(schemes).map(({ form }) => /^[a-z]+:\/*/.exec(form)![0]).sort());
      for (const typed of ['--to tcp', '--to=tcp', '--to \'tcp', '--to "tcp', 'listen tcp', 'run --to tls://a --to tcp']) assert.equal(await becomes(typed), `${typed}://`);
      assert.equal(await becomes('--to relp'), '--to relp');
      assert.equal(await becomes('--to relps'), '--to relps://');
      assert.deepEqual(await words('listen '), ['http://', 'relp://', 'tcp://', 'tls://', 'udp://', 'unix:///']);
    });

    it('completes the settings that a destination takes, but those that a command line refuses', async () => {
      for (const [url, scheme, prefix] of [['tcp://h:1?', 'tcp', ''], ['logentries:?', 'logentries', ''], ['https://h/p?a=b&', 'https', 'jf.']] as const) {
        const offered = (await words(`--to '${url}`)).map((word) => word.slice(url.length));
        const expected = Object.entries(destinationSettings).filter(([, row]) => (row.schemes as readonly string[]).includes(scheme) && !('isSecret' in row));
        assert.deepEqual(offered, expected.map(([name, row]) => `${prefix}${name}${'isKeyed' in row ? '.' : '='}`).sort());
      }
      assert.equal(await becomes('--to \'tcp://h:1?form'), '--to \'tcp://h:1?format=');
      assert.equal(await becomes('--to \'tcp://h:1?format=json&max'), '--to \'tcp://h:1?format=json&maxBytes=');
      assert.equal(await becomes('--to tcp://h:1?format=json\\&max'), '--to tcp://h:1?format=json\\&maxBytes=');
      assert.ok(!(await words('--to \'tcp://h:1?format=json&form')).includes('tcp://h:1?format=json&format='), 'a setting that is there');
      assert.deepEqual(await words('listen \'tls://h?'), ['tls://h?ca=', 'tls://h?cert=', 'tls://h?key=']);
    });

    it('completes what a setting can be, each of which the destination takes', async () => {
      let count = 0;
      for (const [scheme, place] of Object.entries({ tcp: '//h:1', tls: '//h', http: '//h', logentries: '', cloudwatch: 'g', stdout: '' })) {
        for (const setting of (['format', 'framing', 'facility', 'bom', 'compress', 'lowercase', 'tls', 'create'] as const).filter((name) => settingRow(name).schemes.includes(scheme as Scheme))) {
          const [format] = settingRow(setting).formats ?? [];
          const base = `${scheme}:${place}?${scheme === 'http' ? 'jf.' : format === undefined ? '' : `format=${format}&`}${setting}=`;
          for (const word of await words(`--to '${base}`)) {
            assert.ok(word.startsWith(base), word);
            assert.doesNotThrow(() => readDestination({ text: word, where: '--to' }, { LOGENTRIES_TOKEN: '01234567-89ab-cdef-0123-456789abcdef' }), word);
            count += 1;
          }
        }
      }
      assert.ok(count > 60, String(count));
      assert.deepEqual(await words('--to \'tcp://h:1?facility=local'), Array.from({ length: 8 }, (_, i) => `tcp://h:1?facility=local${i}`));
      assert.deepEqual(await words('--to \'http://h?jf.format='), ['http://h?jf.format=array', 'http://h?jf.format=ndjson']);
    });

    it('completes files and folders where an option wants one', async () => {
      assert.equal(await becomes('--config a-fi'), '--config a-file.yaml ');
      assert.equal(await becomes('--config=a-fi'), '--config=a-file.yaml ');
      assert.equal(await becomes('--config \'a-fi'), '--config \'a-file.yaml\' ');
      assert.equal(await becomes('--config b'), '--config b-file\\ with\\ space ');
      assert.equal(await becomes('--state-dir a-'), '--state-dir a-folder/');
      assert.equal(await becomes('--state-dir=a-'), '--state-dir=a-folder/');
      assert.match(await becomes('--to \'tls://h?ca=a-fi'), /^--to 'tls:\/\/h\?ca=a-file\.yaml'? ?$/);
      assert.equal(await becomes('--to tls://h?ca=a-fo'), '--to tls://h?ca=a-folder/');
    });
  });
}

describe('the completion script', () => {
  it('is printed for each shell, and for no other', () => {
    for (const shell of shells) assert.deepEqual(parseCommandLine(['completion', shell], {}, { uid: 0, homeDirectory: '/' }), { command: 'completion', shell });
    assert.throws(() => parseCommandLine(['completion', 'tcsh'], {}, { uid: 0, homeDirectory: '/' }), { code: 'ERR_SETTING' });
  });

  it('may be read with source in zsh, in place of lying among its functions', async () => {
    const { stdout } = await promisify(execFile)('zsh', ['-f', '-c', 'autoload -Uz compinit; compinit -D -u; source <(print -r -- $1); print $_comps[journald-forwarder]', 'zsh', completionScript('zsh', vocabulary())]);
    assert.equal(stdout, '_journald-forwarder\n');
  });
});
