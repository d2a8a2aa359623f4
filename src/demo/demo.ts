import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { execa } from 'execa';
import { compare, summaryOf } from './compare.js';
import { entriesIn } from './journal.js';
import { contentOf } from './syslog-message.js';

export interface DemoOptions {
  /** Listens at an address; what arrives there is handed over without frames. */
  readonly receive: (
    address: { readonly transport: 'tcp'; readonly host: string; readonly port: number },
    handlers: { onMessages(messages: readonly Buffer[]): void; onProblem(problem: string): void },
  ) => Promise<{ readonly url: string; close(signal: AbortSignal): Promise<void> }>;
  /** Makes one line of text of a message. */
  readonly visible: (message: Buffer) => string;
  /** The program to show, and what stands before its options: Node and bin/journald-forwarder.js. */
  readonly forwarder: readonly [program: string, ...first: readonly string[]];
  readonly journalctlPath: string;
  /** `PATH` and the like; without `JOURNALD_FORWARDER_…`, which would change what is shown. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly output: Writable;
  readonly signal: AbortSignal;
  /** The gzipped journal file to forward. */
  readonly sample: Uint8Array;
}

/**
 * The main job for everybody to see: unpacks a journal, has the real program forward it to a receiver of its own,
 * prints what that one got, and compares it entry by entry with what journalctl says is in the journal.
 * Resolves to the exit code: 0 if everything arrived, once and in order, else 1.
 * Throws an OperatorError where journalctl cannot be run.
 */
export async function demo({ receive, visible, forwarder, journalctlPath, environment, output, signal, sample }: DemoOptions): Promise<number> {
  const print = (line = '') => void output.write(`${line}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'journald-forwarder-demo-'));
  try {
    const journal = join(folder, 'journal');
    await mkdir(journal);
    await writeFile(join(journal, 'sample.journal'), await promisify(gunzip)(sample));
    const { entries, bootCount } = await entriesIn(journal, journalctlPath, environment, signal);

    const received: string[] = [];
    const receiver = await receive({ transport: 'tcp', host: '127.0.0.1', port: 0 }, {
      onMessages(messages) {
        for (const message of messages) {
          received.push(contentOf(message));
          print(visible(message));
        }
      },
      onProblem: (problem) => print(`The receiver had a problem: ${problem}.`),
    });
    const options = ['--directory', journal, '--start', 'head', '--no-follow', '--state-dir', join(folder, 'state'), '--to', receiver.url];
    print(`A sample journal of ${entries.length} entries from ${bootCount} boots goes to a receiver of this demo's own:`);
    print(`\n  journald-forwarder ${options.join(' ')}\n`);
    print('The receiver got, in RFC 5424 syslog:\n');

    const [program, ...first] = forwarder;
    const run = await execa(program, [...first, ...options, '--log-level', 'warn', '--journalctl-path', journalctlPath], {
      env: environment,
      extendEnv: false,
      cancelSignal: signal,
      timeout: TIMEOUT_MS,
      reject: false,
      stdin: 'ignore',
    });
    await receiver.close(run.failed ? AbortSignal.abort() : AbortSignal.timeout(CLOSE_TIMEOUT_MS));
    if (run.failed) print(`\nThe forwarder did not end well: ${run.shortMessage}\n${run.stderr}`);

    const comparison = compare(entries, received);
    print();
    for (const line of summaryOf(comparison)) print(line);
    return !run.failed && comparison.isEqual ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 5_000;
