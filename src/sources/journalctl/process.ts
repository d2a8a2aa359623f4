import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Readable } from 'node:stream';
import { OperatorError } from '../../core/errors.js';
import type { OpenIntake } from './intake.js';

/** What is kept of stderr: journalctl has a line for each file that it ignores. */
const STDERR_BYTES = 64 * 1024;
/** A shortage that passes, in which no process can be started. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'];
/** The pipes of a child take six, and what opens files at the same moment needs some too. */
const FILES_FOR_A_CHILD = 12;
const KILL_AFTER_MS = 1000;

/** How journalctl ended. */
export interface Exit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** What it wrote to stderr, at most 64 KiB. */
  readonly stderr: string;
}

/** A running journalctl. */
export interface Journalctl {
  readonly pid: number | undefined;
  /** Ends when it has closed it, or was told to stop; may fail then. */
  readonly stdout: AsyncIterable<Buffer>;
  /** What it has written to stderr until now, as far as it was read. */
  stderr(): string;
  /** Never rejects for how journalctl ended; rejects with an OperatorError where it could not be run at all. */
  readonly exit: Promise<Exit>;
  /** Ends it, by force if it does not follow, and resolves when it is gone. */
  stop(): Promise<void>;
}

export interface JournalctlProgram {
  /** A path, or a name to be looked up. */
  readonly path: string;
  /** The caller's environment: PATH, and TZ by which journalctl understands `--since`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Further variables, of our own. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Starts journalctl with an environment of its own making, so that no pager, colour or locale changes what it prints.
 * By Node.js itself: the first byte waits for two of them, and to load and use execa would hold each up.
 *
 * What it prints goes into `intake`, or else into a pipe.
 */
export function startJournalctl(program: JournalctlProgram, args: readonly string[], intake?: OpenIntake): Journalctl {
  const { PATH, TZ } = program.environment;
  const env = { ...(PATH === undefined ? {} : { PATH }), ...(TZ === undefined ? {} : { TZ }), LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', SYSTEMD_LOG_COLOR: '0', SYSTEMD_PAGER: '', ...program.variables };
  let child: ChildProcess;
  try {
    lookForFiles();
    // Where there are too few file descriptors all the same, it has no streams; then as in other cases, an error is emitted.
    child = spawn(program.path, args, { env, stdio: ['ignore', intake?.inlet ?? 'pipe', 'pipe'] });
  } catch (error) {
    return neverStarted(program.path, error as NodeJS.ErrnoException);
  } finally {
    intake?.inlet.destroy();
  }
  let stderr = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    if (stderr.length < STDERR_BYTES) stderr = (stderr + text).slice(0, STDERR_BYTES);
  });
  // A read error is told by the exit, too.
  child.stderr?.on('error', () => undefined);
  child.stdout?.on('error', () => undefined);
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('close', (code, signal) => { resolve({ code: code ?? undefined, signal: signal ?? undefined, stderr: stderr.trim() }); });
    child.on('error', (error: NodeJS.ErrnoException) => {
      // Of one that runs, this tells that it cannot be signalled: then it ends by its closed pipe.
      if (child.pid !== undefined) return;
      stderr = notStarted(error.code);
      if (isShortage(error)) resolve({ code: undefined, signal: undefined, stderr });
      else reject(cannotRun(program.path, error));
    });
  });
  // Whoever reads stdout asks for the exit only at its end: until then a failure to start must not count as unhandled.
  exit.catch(() => undefined);
  const stdout = intake?.intake ?? child.stdout ?? Readable.from([]);
  return {
    pid: child.pid,
    stdout,
    stderr: () => stderr.trim(),
    exit,
    async stop() {
      child.kill('SIGTERM');
      const force = setTimeout(() => void child.kill('SIGKILL'), KILL_AFTER_MS);
      // A child that blocks in a full pipe does not see the signal before it is read on or closed.
      stdout.destroy();
      await exit.catch(() => undefined);
      clearTimeout(force);
    },
  };
}

/** Runs journalctl to its end and returns all that it printed; for answers that are short by nature. Rejects when `signal` aborts before. */
export async function runJournalctl(program: JournalctlProgram, args: readonly string[], signal?: AbortSignal): Promise<{ readonly stdout: Buffer; readonly exit: Exit }> {
  signal?.throwIfAborted();
  const running = startJournalctl(program, args);
  const stop = (): void => void running.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of running.stdout) chunks.push(chunk);
    return { stdout: Buffer.concat(chunks), exit: await running.exit };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Throws where there are too few file descriptors for a child: Node.js would not close those that it had got for it. */
function lookForFiles(): void {
  const opened: number[] = [];
  try {
    while (opened.length < FILES_FOR_A_CHILD) opened.push(openSync('/dev/null', 'r'));
  } finally {
    for (const file of opened) closeSync(file);
  }
}

/** For the errors of a start that are thrown: ENOMEM is one. */
function neverStarted(path: string, error: NodeJS.ErrnoException): Journalctl {
  const stderr = notStarted(error.code);
  const exit = isShortage(error) ? Promise.resolve({ code: undefined, signal: undefined, stderr }) : Promise.reject(cannotRun(path, error));
  exit.catch(() => undefined);
  return { pid: undefined, stdout: Readable.from([]), stderr: () => stderr, exit, stop: () => Promise.resolve() };
}

function isShortage({ code }: NodeJS.ErrnoException): boolean {
  return SHORTAGES.includes(code ?? '');
}

function notStarted(code: string | undefined): string {
  return `it could not be started: ${code}`;
}

function cannotRun(path: string, error: NodeJS.ErrnoException): OperatorError {
  return new OperatorError(
    'ERR_JOURNALCTL',
    `Cannot run "${path}": ${error.code ?? error.message}. Install systemd, or name the program with --journalctl-path.`,
    { cause: error },
  );
}
