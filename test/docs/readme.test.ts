import assert from 'node:assert/strict';
import { type ChildProcess, execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { StreamReceiver } from '../support/stream-receiver.js';
import { commands, fences, read, top } from './markdown.js';

/** Some of the README's commands, in its words, and a test that runs them. */
interface Recipe {
  readonly title: string;
  readonly commands: readonly string[];
  run(commands: readonly string[]): Promise<void>;
}

/*
 * All of them run in a copy of the repository, with the program that was installed from there as the README says. Its
 * journal is a private journald's. What they say of this machine stands for folders and ports of the test's own.
 */
const recipes: readonly Recipe[] = [
  {
    title: 'npm run demo installs, builds, and ends with the summary that the README shows',
    commands: ['npm run demo'],
    async run([demo]) {
      const { code, output } = await shell(demo!).ended;
      const summary = fences(read('README.md')).find(({ language }) => language === 'text')!.text;
      assert.equal(code, 0, output);
      assert.ok(output.endsWith(summary), output.slice(-500));
    },
  },
  {
    title: 'npm test is what runs this test, and ends with the line that the README shows',
    commands: ['npm test'],
    async run() {
      const { scripts } = JSON.parse(await readFile(join(clone, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };
      assert.equal(scripts['test'], 'test/run');
      accessSync(join(clone, 'test/run'), constants.X_OK);
      assert.match(await readFile(join(clone, 'test/run'), 'utf8'), /echo "\$passed passed, \$failed failed"/);
    },
  },
  {
    title: 'the installation puts the program on the PATH',
    commands: ['npm ci', 'npm pack', 'sudo npm install --global --prefix /usr/local ./journald-forwarder-0.1.0.tgz'],
    async run(steps) {
      for (const step of steps) await succeeds(step);
      const { output } = await shell('command -v journald-forwarder').ended;
      assert.equal(output.trim(), join(prefix, 'bin/journald-forwarder'));
    },
  },
  {
    title: 'a receiver of one\'s own shows what the journal holds',
    commands: ['journald-forwarder listen tcp://127.0.0.1:5514', 'journald-forwarder --no-follow --no-checkpoint --to tcp://127.0.0.1:5514'],
    async run([command, forward]) {
      const receiver = shell(command!.replace('5514', '0'));
      const [, port] = await receiver.says(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
      await succeeds(forward!.replace('5514', port!));
      await receiver.says(/^<11>1 \S+ \S+ readme \d+ - - the first entry$/m);
      assert.equal(await receiver.stop(), 0);
    },
  },
  {
    title: 'the pipe to ncat is replaced, in three formats',
    commands: ['journald-forwarder --to tcp://HOST:514', "journald-forwarder --to 'tcp://HOST:514?format=rfc3164'", "journald-forwarder --to 'tcp://HOST:514?format=short'"],
    async run([rfc5424, rfc3164, short]) {
      await arrives(rfc5424!, /\d+ <11>1 \S+ \S+ readme \d+ - - the first entry/);
      await arrives(rfc3164!, /^<11>\w{3} [ \d]\d [\d:]{8} \S+ readme\[\d+\]: the first entry$/m);
      await arrives(short!, /^\w{3} \d\d [\d:]{8} \S+ readme\[\d+\]: the first entry$/m);
    },
  },
  {
    title: 'a systemd service is installed, checked, and forwards',
    commands: [
      'sudo mkdir -p /etc/journald-forwarder',
      "echo 'to: tcp://HOST:514' | sudo tee /etc/journald-forwarder/config.yaml",
      'sudo journald-forwarder check --config /etc/journald-forwarder/config.yaml',
      'sudo cp systemd/journald-forwarder.service /etc/systemd/system/',
      'sudo systemctl enable --now journald-forwarder',
    ],
    async run(steps) {
      const receiver = await listen();
      const [enable, ...others] = [...steps].reverse();
      await mkdir(join(folder, 'etc/systemd/system'), { recursive: true });
      for (const step of others.reverse()) await succeeds(toReceiver(step, receiver));
      // No systemd runs here: what `enable` and a start would do with the unit is looked at instead.
      const unit = await readFile(join(folder, 'etc/systemd/system', `${enable!.split(' ').at(-1)!}.service`), 'utf8');
      assert.match(unit, /^\[Install\]\nWantedBy=multi-user\.target$/m);
      await rm(join(folder, 'state'), { recursive: true, force: true });
      const start = /^ExecStart=(.*)$/m.exec(unit)![1]!;
      await objectsToNothing(unit);
      const service = shell(start);
      await gets(receiver, /the first entry/, service);
      assert.equal(await service.stop(), 0);
    },
  },
  {
    title: 'the shell\'s pipe is forwarded as it comes',
    commands: ['journalctl -o json -a -f | journald-forwarder --from stdin --to tcp://HOST:514'],
    async run([pipe]) {
      const receiver = await listen();
      const running = shell(toReceiver(pipe!, receiver));
      await gets(receiver, /the first entry/, running);
      await sandbox.send({ MESSAGE: 'a later entry', SYSLOG_IDENTIFIER: 'readme', PRIORITY: '3' });
      await gets(receiver, /a later entry/, running);
    },
  },
  {
    title: 'a file of logs is forwarded',
    commands: ['journald-forwarder --from stdin --to tcp://HOST:514 < old.log'],
    async run([command]) {
      await writeFile(join(clone, 'old.log'), 'an old line\nand another');
      await arrives(command!, /<14>1 \S+ \S+ - - - - an old line.*<14>1 \S+ \S+ - - - - and another/s);
    },
  },
  {
    title: 'the journal since yesterday is forwarded, and the program ends',
    commands: ['journald-forwarder --since yesterday --no-follow --no-checkpoint --to tcp://HOST:514'],
    run: ([command]) => arrives(command!, /the first entry/),
  },
  {
    title: 'two destinations get everything, and status tells of both',
    commands: ["journald-forwarder --to tcp://HOST:514 --to 'tcp://OTHER:5170?format=json'", 'sudo journald-forwarder status'],
    async run([forward, status]) {
      const host = await listen();
      const other = await listen();
      const running = shell(toReceiver(forward!, host).replace('OTHER:5170', `127.0.0.1:${other.port}`));
      await gets(host, /<11>1 .* the first entry/, running);
      await gets(other, /"MESSAGE":"the first entry"/, running);
      const whileRunning = await succeeds(status!);
      for (const { port } of [host, other]) assert.match(whileRunning, new RegExp(`^tcp://127\\.0\\.0\\.1:${port} +forwarding `, 'm'));
      assert.equal(await running.stop(), 0);
    },
  },
];

let folder: string;
/** A copy of the repository as a clone would be: nothing installed, nothing built. */
let clone: string;
/** What stands for /usr/local. */
let prefix: string;
let sandbox: JournalSandbox;
/** What the running test has opened, and what would keep this process alive after a failure. */
const open = new Set<{ stop(): Promise<unknown> }>();

describe('the README', () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'readme-test-'));
    clone = join(folder, 'clone');
    prefix = join(folder, 'usr-local');
    await mkdir(prefix);
    const leftOut = new Set(['node_modules', 'dist', '.cache', '.git']);
    await cp(top, clone, { recursive: true, filter: (path) => !leftOut.has(basename(path)) && !path.endsWith('.tgz') });
    sandbox = await JournalSandbox.start();
    await sandbox.send({ MESSAGE: 'the first entry', SYSLOG_IDENTIFIER: 'readme', PRIORITY: '3' });
    await sandbox.sync();
  });
  afterEach(async () => {
    for (const opened of open) await opened.stop();
    open.clear();
  });
  after(async () => {
    await sandbox.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has no command that is not tested here, and nothing is tested that it does not have', () => {
    assert.deepEqual(commands(read('README.md')), recipes.flatMap((recipe) => recipe.commands));
  });

  // In the README's own order, since the later ones use the program that the installation has put there.
  for (const { title, commands: words, run } of recipes) it(title, () => run(words));

  it('has at most 150 lines, and names in "Not yet" what is refused as not there yet', async () => {
    assert.ok(read('README.md').split('\n').length <= 151);
    const { code, output } = await shell('journald-forwarder --to s3:BUCKET').ended;
    assert.equal(code, 2);
    assert.match(output, /s3 is not supported in this version/);
  });
});

/** A command that runs within the sandbox, in a process group of its own. */
interface Shell {
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  /** Resolves when the output matches; rejects when the command ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends SIGTERM, as Ctrl+C sends SIGINT, to all of its processes, and resolves to the exit code. */
  stop(): Promise<number | null>;
}

function shell(command: string): Shell {
  const here = command.replaceAll(/\bsudo /g, '').replaceAll('/usr/local', prefix).replaceAll('/etc/', `${folder}/etc/`);
  const child: ChildProcess = sandbox.spawn('bash', ['-o', 'pipefail', '-c', here], { cwd: clone, env: environment(), detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const news = new EventEmitter();
  let output = '';
  let isOver = false;
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      news.emit('news');
    });
  }
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    news.emit('news');
    return { code: code as number | null, output };
  });
  const running: Shell = {
    ended,
    async says(pattern) {
      for (;;) {
        const found = pattern.exec(output);
        if (found !== null) return found;
        if (isOver) throw new Error(`"${command}" ended without saying ${String(pattern)}:\n${output}`);
        await once(news, 'news');
      }
    },
    async stop() {
      if (!isOver) process.kill(-child.pid!, 'SIGTERM');
      return (await ended).code;
    },
  };
  open.add(running);
  return running;
}

async function succeeds(command: string): Promise<string> {
  const { code, output } = await shell(command).ended;
  assert.equal(code, 0, `${command}\n${output}`);
  return output;
}

/** Runs a command whose HOST:514 is a receiver, until what it sends matches, and stops it if it does not end by itself. */
async function arrives(command: string, pattern: RegExp): Promise<void> {
  const receiver = await listen();
  const running = shell(toReceiver(command, receiver));
  const endsByItself = command.includes('--no-follow') || command.includes('<');
  if (endsByItself) {
    const { code, output } = await running.ended;
    assert.equal(code, 0, output);
    assert.match(receiver.text(), pattern);
  } else {
    await gets(receiver, pattern, running);
    assert.equal(await running.stop(), 0);
  }
}

/** Resolves when what a receiver got matches; rejects when the command that sends to it ends before. */
async function gets(receiver: StreamReceiver, pattern: RegExp, { ended }: Shell): Promise<void> {
  const early = ended.then(({ code, output }) => {
    if (!pattern.test(receiver.text())) assert.fail(`it ended with ${code}: ${output}`);
  });
  await Promise.race([receiver.until(() => pattern.test(receiver.text())), early]);
}

/** A receiver that is stopped after the test. */
async function listen(): Promise<StreamReceiver> {
  const receiver = await StreamReceiver.listen();
  open.add(receiver);
  return receiver;
}

function toReceiver(command: string, { port }: StreamReceiver): string {
  return command.replaceAll('HOST:514', `127.0.0.1:${port}`);
}

function environment(): NodeJS.ProcessEnv {
  // Without NODE_EXTRA_CA_CERTS, npm does not trust a registry that only this machine's authorities vouch for.
  const own = Object.entries(process.env).filter(([name]) => !/^(JOURNALD_FORWARDER_|npm_|NODE_(?!EXTRA_CA_CERTS$))|^JOURNAL_STREAM$/.test(name));
  return {
    ...Object.fromEntries(own),
    // The Node.js that runs this test; npm comes from the user's.
    PATH: [join(prefix, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(':'),
    // What stands for /var/lib/journald-forwarder.
    STATE_DIRECTORY: join(folder, 'state'),
    npm_config_audit: 'false',
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

/** systemd-analyze wants the program of a unit to exist where the unit says. */
async function objectsToNothing(unit: string): Promise<void> {
  const file = join(folder, 'etc/systemd/system/journald-forwarder.service');
  await writeFile(file, unit.replaceAll('/usr/local', prefix));
  const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', file]).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' ? new Error('systemd-analyze is missing: install the Debian package systemd.', { cause }) : cause;
  });
  assert.equal(stdout + stderr, '');
}
