import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { cachedCorpus, type Corpus } from '../../bench/corpus.js';
import { type CountingReceiver, startCountingReceiver } from '../support/counting-receiver.js';
import { type ForwarderOptions, RunningForwarder } from '../support/forwarder.js';
import { exportFormat, makeJournal } from '../support/make-journal.js';
import { namedFields } from './names.js';

const ENTRIES = 100_000;
const MB = 1_000_000;
/** Node.js itself with the program loaded has 20 to 30 MB. */
const AT_REST = 60 * MB;

/** The memory of a process's own (RssAnon of proc(5)): neither files nor what it shares. */
class MemoryGauge {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(forwarder: RunningForwarder) {
    this.#pid = forwarder.child.pid!;
    this.#timer = setInterval(() => {
      this.#reading = this.#read();
    }, 25);
    void forwarder.exit.then(() => clearInterval(this.#timer));
  }

  /** The most since the last call, or since the beginning. */
  async peak(): Promise<number> {
    await this.#reading;
    await this.#read();
    const peak = this.#peak;
    this.#peak = 0;
    return peak;
  }

  async #read(): Promise<void> {
    const status = await readFile(`/proc/${this.#pid}/status`, 'utf8').catch(() => '');
    this.#peak = Math.max(this.#peak, Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024);
  }
}

// Most of the time each waits: so all at a time.
describe('the bounds of memory', { concurrency: 3, timeout: 120_000 }, () => {
  describe('the memory of a forwarder with 100,000 entries before it', { concurrency: true, timeout: 90_000 }, () => {
    let corpus: Corpus;
    before(async () => {
      corpus = await cachedCorpus(ENTRIES);
    });

    const from = (): string[] => ['--directory', corpus.journal, '--start', 'head', '--no-follow', '--shutdown-timeout', '0s'];

    it('does not grow while its receiver is down', () =>
      onScene(async (scene) => {
        const forwarder = scene.forward([...from(), '--to', 'tcp://127.0.0.1:1']);
        await forwarder.says(/trying again/);
        await staysBelow(forwarder, AT_REST);
      }));

    it('does not grow while its receiver reads a byte a second', () =>
      onScene(async (scene) => {
        const receiver = scene.spawn('perl', ['-e', A_BYTE_A_SECOND]);
        const forwarder = scene.forward([...from(), '--to', `tcp://127.0.0.1:${await portOf(receiver)}`]);
        await once(receiver.stdout!, 'data');
        await staysBelow(forwarder, AT_REST);
      }));

    it('does not grow when its input is standard input, and its receiver is down', () =>
      onScene(async (scene) => {
        const forwarder = scene.forward(['--from', 'stdin', '--no-checkpoint', '--shutdown-timeout', '0s', '--to', 'tcp://127.0.0.1:1'], { stdin: 'pipe' });
        const journalctl = scene.spawn('journalctl', ['-q', '-o', 'export', '-D', corpus.journal]);
        journalctl.stdout!.pipe(forwarder.child.stdin!.on('error', () => undefined));
        await forwarder.says(/trying again/);
        await staysBelow(forwarder, AT_REST);
      }));

    it('grows by less than 40 MB while its receiver stalls for 10 s, and then all arrives', () =>
      onScene(async (scene) => {
        const receiver = await scene.receiver();
        const forwarder = scene.forward([...from(), '--to', `tcp://127.0.0.1:${receiver.port}`]);
        const gauge = new MemoryGauge(forwarder);
        await receiver.waitForFrames(20_000, 60_000);
        receiver.stall();
        const before = await gauge.peak();
        await pause(10_000);
        const grown = (await gauge.peak()) - before;
        assert.ok(grown < 40 * MB, `it grew by ${inMegabytes(grown)}`);
        receiver.resume();
        const exit = await forwarder.exit;
        assert.equal(exit.code, 0, exit.stderr);
        await receiver.waitForCount(ENTRIES);
        assert.deepEqual(receiver.missing(ENTRIES), []);
        assert.ok((await gauge.peak()) < AT_REST + 40 * MB);
      }));
  });

  describe('the memory of a forwarder of large entries', { timeout: 90_000 }, () => {
    const COUNT = 5;
    /** Of text and of bytes that are none, in turn. */
    const entries = (): Parameters<typeof exportFormat>[0] => {
      const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7919) & 0xff));
      const text = Buffer.from('résumé of 20 MB '.repeat(1000));
      return Array.from({ length: COUNT }, (_, index) => ({ fields: { MESSAGE: Buffer.alloc(20 * MB, index % 2 === 0 ? text : bytes), SYSLOG_IDENTIFIER: 'large' } }));
    };
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'large-'));
      await makeJournal(join(folder, 'system.journal'), entries());
    });
    after(() => rm(folder, { recursive: true }));

    // With JSON, of which a message is limited to 8 MiB, binary values are twice there, as text and in base64.
    for (const [format, limit] of [['rfc5424', 250 * MB], ['json', 450 * MB]] as const) {
      it(`stays below ${limit / MB} MB over messages of 20 MB in the journal, as ${format}`, () =>
        onScene(async (scene) => {
          const receiver = await scene.receiver();
          const args = ['--directory', folder, '--start', 'head', '--no-follow', '--to', `tcp://127.0.0.1:${receiver.port}?format=${format}&framing=octet-counting`];
          await allArrive(scene.forward(args), receiver, limit);
        }));

      it(`stays below ${limit / MB} MB over messages of 20 MB on standard input, as ${format}`, () =>
        onScene(async (scene) => {
          const receiver = await scene.receiver();
          const forwarder = scene.forward(['--from', 'stdin', '--no-checkpoint', '--to', `tcp://127.0.0.1:${receiver.port}?format=${format}&framing=octet-counting`], { stdin: 'pipe' });
          forwarder.child.stdin!.end(exportFormat(entries()));
          await allArrive(forwarder, receiver, limit);
        }));
    }

    async function allArrive(forwarder: RunningForwarder, receiver: CountingReceiver, limit: number): Promise<void> {
      const gauge = new MemoryGauge(forwarder);
      const exit = await forwarder.exit;
      assert.equal(exit.code, 0, exit.stderr);
      await receiver.waitForFrames(COUNT);
      const peak = await gauge.peak();
      assert.ok(peak < limit, `it had ${inMegabytes(peak)}`);
    }
  });

  describe('100,000 different names of hosts, units, programs and fields', { timeout: 60_000 }, () => {
    it('pass through a forwarder that stays below 200 MB', () =>
      onScene(async (scene) => {
        const receiver = await scene.receiver();
        const forwarder = scene.forward(['--from', 'stdin', '--no-checkpoint', '--unit', 'unit-*', '--to', `tcp://127.0.0.1:${receiver.port}?format=json&framing=octet-counting`], { stdin: 'pipe' });
        const gauge = new MemoryGauge(forwarder);
        await pipeline(Readable.from(namedEntries(ENTRIES)), forwarder.child.stdin!);
        const exit = await forwarder.exit;
        assert.equal(exit.code, 0, exit.stderr);
        await receiver.waitForFrames(ENTRIES);
        const peak = await gauge.peak();
        assert.ok(peak < 200 * MB, `it had ${inMegabytes(peak)}`);
      }));
  });
});

function* namedEntries(count: number): Generator<Buffer> {
  for (let first = 0; first < count; first += 1000) yield exportFormat(Array.from({ length: 1000 }, (_, index) => ({ fields: namedFields(first + index) })));
}

/** Watches for two seconds, after one to settle. */
async function staysBelow(forwarder: RunningForwarder, limit: number): Promise<void> {
  const gauge = new MemoryGauge(forwarder);
  await pause(1000);
  const first = await gauge.peak();
  await pause(2000);
  const then = await gauge.peak();
  await forwarder.stop('SIGKILL');
  assert.ok(first < limit && then < limit, `it had ${inMegabytes(first)}, then ${inMegabytes(then)}`);
  assert.ok(then - first < 5 * MB, `it grew from ${inMegabytes(first)} to ${inMegabytes(then)}`);
}

/** What a test starts, ended with it however it ends. */
class Scene {
  readonly state: string;
  readonly #endings: (() => unknown)[] = [];

  constructor(state: string) {
    this.state = state;
  }

  forward(args: readonly string[], options?: ForwarderOptions): RunningForwarder {
    const forwarder = new RunningForwarder(['--state-dir', this.state, ...args], options);
    this.#endings.push(() => forwarder.stop('SIGKILL'));
    return forwarder;
  }

  async receiver(): Promise<CountingReceiver> {
    const receiver = await startCountingReceiver();
    this.#endings.push(() => receiver.close());
    return receiver;
  }

  spawn(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#endings.push(() => child.kill('SIGKILL'));
    return child;
  }

  async end(): Promise<void> {
    for (const end of this.#endings.reverse()) await end();
    await rm(this.state, { recursive: true });
  }
}

async function onScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = new Scene(await mkdtemp(join(tmpdir(), 'state-')));
  try {
    await test(scene);
  } finally {
    await scene.end();
  }
}

/** Prints its port, and a word when it has a connection. */
const A_BYTE_A_SECOND = `
use Socket;
$| = 1;
socket(my $server, PF_INET, SOCK_STREAM, 0) or die $!;
bind($server, sockaddr_in(0, INADDR_LOOPBACK)) && listen($server, 1) or die $!;
print((sockaddr_in(getsockname $server))[0], "\\n");
accept(my $connection, $server) or die $!;
print "connected\\n";
while (sysread $connection, my $byte, 1) { sleep 1 }
`;

async function portOf(child: ChildProcess): Promise<number> {
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return Number(line.toString());
}

function inMegabytes(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`;
}
