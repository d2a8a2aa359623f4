import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { parseCommandLine } from '../src/cli.js';
import type { CommandLine } from '../src/cli.js';
import { commandNames } from '../src/commands.js';

const surroundings = { uid: 0, homeDirectory: '/root' };
const parse = (...argv: string[]): CommandLine => parseCommandLine(argv, {}, surroundings);

function printedBy(...argv: string[]): string {
  const commandLine = parse(...argv);
  assert.ok(commandLine.command === 'print');
  assert.equal(commandLine.exitCode, 0);
  return commandLine.text;
}

describe('a command line', () => {
  it('runs by default, with options directly after the program\'s name', async () => {
    for (const argv of [['--to', 'tcp://a:1', '--since', '-1h'], ['run', '--to=tcp://a:1', '--since=-1h']]) {
      const commandLine = parse(...argv);
      assert.ok(commandLine.command === 'run');
      const { settings } = await commandLine.load();
      assert.equal(settings.destinations[0]?.label, 'tcp://a:1');
      assert.equal(settings.source.since, '-1h');
    }
    assert.equal(parse().command, 'run');
  });

  it('gives check and status the options of run', async () => {
    for (const command of ['check', 'status'] as const) {
      const commandLine = parse(command, '--to', 'tcp://a:1', '--no-follow');
      assert.ok(commandLine.command === command && 'load' in commandLine);
      assert.equal((await commandLine.load()).settings.source.follow, false);
    }
  });

  it('is parsed before its settings are read, so that check can say what is wrong with them', async () => {
    const commandLine = parse('check', '--to', 'tcp://a');
    assert.ok('load' in commandLine);
    await assert.rejects(commandLine.load(), { code: 'ERR_SETTING' });
  });

  it('listens at a host and port, port 0 included, or at a socket', () => {
    assert.deepEqual(parse('listen', 'tcp://127.0.0.1:0'), { command: 'listen', address: { transport: 'tcp', host: '127.0.0.1', port: 0 } });
    assert.deepEqual(parse('listen', 'udp://[::1]:514'), { command: 'listen', address: { transport: 'udp', host: '::1', port: 514 } });
    assert.deepEqual(parse('listen', 'http://localhost:8080/'), { command: 'listen', address: { transport: 'http', host: 'localhost', port: 8080 } });
    assert.deepEqual(parse('listen', 'unix:///run/a.sock'), { command: 'listen', address: { transport: 'unix', path: '/run/a.sock' } });
  });

  it('takes no more than it needs', () => {
    assert.deepEqual(parse('demo'), { command: 'demo' });
    assert.throws(() => parse('demo', 'extra'), { code: 'ERR_SETTING' });
    assert.throws(() => parse('listen', 'tcp://a:1', 'tcp://b:2'), { code: 'ERR_SETTING' });
    assert.throws(() => parse('listen', 'tcp://a:1', '--kernel'), { code: 'ERR_SETTING' });
  });

  it('may give a value that looks like a flag behind an equals sign', async () => {
    const commandLine = parse('--identifier=--kernel');
    assert.ok('load' in commandLine);
    assert.deepEqual((await commandLine.load()).settings.filter.identifiers, ['--kernel']);
  });
});

describe('the help', () => {
  it('shows groups, commands and five examples, each of which parses', async () => {
    const text = printedBy('--help');
    for (const heading of ['Source:', 'Filter:', 'Destinations:', 'State:', 'This program:', 'Commands:', 'Examples:']) assert.ok(text.includes(`\n${heading}\n`), heading);
    const examples = text.slice(text.indexOf('Examples:')).match(/journald-forwarder( .*)?$/gm) ?? [];
    assert.equal(examples.length, 5);
    for (const example of examples) {
      const commandLine = parseCommandLine(example.split(' ').slice(1).map((word) => word.replaceAll('\'', '')), {}, { ...surroundings, readFile: () => 'to: tcp://a:1' });
      assert.ok(commandLine.command === 'run', example);
      await commandLine.load();
    }
  });

  it('is printed for -h, help and each command, in the width of the terminal', () => {
    assert.equal(printedBy('-h'), printedBy('--help'));
    assert.equal(printedBy('help', 'check'), printedBy('check', '--help'));
    for (const command of commandNames) assert.match(printedBy(command, '--help'), new RegExp(`^Usage: journald-forwarder ${command}`));
    const narrow = parseCommandLine(['check', '--help'], {}, { ...surroundings, columns: 80 });
    assert.ok(narrow.command === 'print');
    assert.ok(narrow.text.split('\n').every((line) => line.length <= 80));
  });

  it('gives way to no mistake that follows it', () => {
    assert.match(printedBy('--to', 'tcp://a:1', '--help'), /^Usage:/);
  });
});

describe('the version', () => {
  it('is that of package.json', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    assert.equal(printedBy('--version'), `${version}\n`);
    assert.equal(printedBy('-V'), `${version}\n`);
  });
});

describe('bin/journald-forwarder.js', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bin-test-'));
    await cp(fileURLToPath(new URL('../bin', import.meta.url)), join(folder, 'bin'), { recursive: true });
    await mkdir(join(folder, 'dist'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'old-node.js'), 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.17.9" } });');
  });
  after(() => rm(folder, { recursive: true }));

  const started = (...argv: string[]) =>
    promisify(execFile)(process.execPath, argv, { cwd: folder }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );

  it('refuses an older Node with one sentence and exit code 2', async () => {
    assert.deepEqual(await started('--import', './old-node.js', 'bin/journald-forwarder.js'), {
      code: 2, stdout: '', stderr: 'journald-forwarder cannot run on Node.js 20.17.9: install version 20.18 or later.\n',
    });
  });

  it('says how to build where nothing is built', async () => {
    assert.deepEqual(await started('bin/journald-forwarder.js'), { code: 2, stdout: '', stderr: 'journald-forwarder has not been built: run npm run build.\n' });
  });

  it('hands over to dist/main.js', async () => {
    await writeFile(join(folder, 'dist', 'main.js'), '(function () { console.log(process.argv.slice(2).join()); })');
    assert.deepEqual(await started('bin/journald-forwarder.js', 'a', 'b'), { code: 0, stdout: 'a,b\n', stderr: '' });
  });

  it('runs what the build has compiled of dist/main.js, and of nothing else', async () => {
    const [source, other] = ['one', 'two'].map((word) => `(function () { console.log(${JSON.stringify(word)}); })`) as [string, string];
    await writeFile(join(folder, 'dist', 'main.js'), source);
    // Of another source, which is as long, to see what is run: V8 compares the length only.
    const code = new Script(other).createCachedData();
    const printed = async (data: Buffer, checksum: Buffer): Promise<string> => {
      await writeFile(join(folder, 'dist', `main.js.${process.versions.v8}-${process.arch}.cache`), Buffer.concat([data, checksum]));
      const { stdout, stderr } = await started('bin/journald-forwarder.js');
      return stdout + stderr;
    };
    const checksumOf = (text: string, data: Buffer): Buffer => {
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32BE(crc32(data, crc32(text)));
      return checksum;
    };
    assert.equal(await printed(code, checksumOf(source, code)), 'two\n');
    assert.equal(await printed(code, checksumOf(other, code)), 'one\n', 'of another source');
    assert.equal(await printed(code.subarray(0, -8), checksumOf(source, code)), 'one\n', 'cut off');
    const strange = Buffer.concat([Buffer.from('xxxx'), code.subarray(4)]);
    assert.equal(await printed(strange, checksumOf(source, strange)), 'one\n', 'of another V8');
    assert.equal(await printed(Buffer.alloc(code.length), Buffer.alloc(4)), 'one\n', 'never written to the disk');
    assert.equal(await printed(Buffer.alloc(0), Buffer.alloc(0)), 'one\n', 'empty');
  });
});
