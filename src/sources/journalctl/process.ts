import { closeSync, openSync } from 'node:fs';
import { Readable } from 'node:stream';
import { execa } from 'execa';
import { OperatorError } from '../../core/errors.js';

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
  readonly stdout: Readable;
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

/** Starts journalctl with an environment of its own making, so that no pager, colour or locale changes what it prints. */
export function startJournalctl(program: JournalctlProgram, args: readonly string[]): Journalctl {
  const shortage = shortageOfFiles();
  if (shortage !== undefined) return neverStarted(shortage);
  const { PATH, TZ } = program.environment;
  const child = execa(program.path, args, {
    env: { ...(PATH === undefined ? {} : { PATH }), ...(TZ === undefined ? {} : { TZ }), LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', SYSTEMD_LOG_COLOR: '0', SYSTEMD_PAGER: '', ...program.variables },
    extendEnv: false,
    stdin: 'ignore',
    // execa would kill it once 100 MB of output have been kept.
    buffer: false,
    reject: false,
    forceKillAfterDelay: KILL_AFTER_MS,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    if (stderr.length < STDERR_BYTES) stderr = (stderr + text).slice(0, STDERR_BYTES);
  });
  // A read error is told by the exit, too.
  child.stderr.on('error', () => undefined);
  child.stdout.on('error', () => undefined);
  const exit = child.then((result): Exit => {
    if (result.exitCode === undefined && result.signal === undefined) {
      if (!SHORTAGES.includes(result.code ?? '')) throw cannotRun(program.path, result);
      stderr = notStarted(result.code);
    }
    return { code: result.exitCode, signal: result.signal, stderr: stderr.trim() };
  });
  // Whoever reads stdout asks for the exit only at its end: until then a failure to start must not count as unhandled.
  exit.catch(() => undefined);
  return {
    pid: child.pid,
    stdout: child.stdout,
    stderr: () => stderr.trim(),
    exit,
    async stop() {
      child.kill('SIGTERM');
      // A child that blocks in a full pipe does not see the signal before it is read on or closed.
      child.stdout.destroy();
      await exit.catch(() => undefined);
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
    for await (const chunk of running.stdout) chunks.push(chunk as Buffer);
    return { stdout: Buffer.concat(chunks), exit: await running.exit };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * Why there are too few file descriptors for a child, or undefined. Asked beforehand: Node.js gives a child that got no
 * pipes no streams either, at which execa throws, and then nobody listens for the child's own error, which ends the process.
 */
function shortageOfFiles(): string | undefined {
  const opened: number[] = [];
  try {
    while (opened.length < FILES_FOR_A_CHILD) opened.push(openSync('/dev/null', 'r'));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    for (const file of opened) closeSync(file);
  }
}

function neverStarted(shortage: string): Journalctl {
  const stderr = notStarted(shortage);
  return { pid: undefined, stdout: Readable.from([]), stderr: () => stderr, exit: Promise.resolve({ code: undefined, signal: undefined, stderr }), stop: () => Promise.resolve() };
}

function notStarted(code: string | undefined): string {
  return `it could not be started: ${code}`;
}

function cannotRun(path: string, result: { readonly code?: string | undefined; readonly shortMessage?: string | undefined; readonly cause?: unknown }): OperatorError {
  return new OperatorError(
    'ERR_JOURNALCTL',
    `Cannot run "${path}": ${result.code ?? result.shortMessage ?? 'unknown error'}. Install systemd, or name the program with --journalctl-path.`,
    { cause: result.cause },
  );
}
