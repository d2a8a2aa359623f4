import { randomBytes } from 'node:crypto';
import { link, readdir, rename, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../core/errors.js';
import { makeFolder } from './folder.js';

/** sockaddr_un holds 108 bytes with the final NUL (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
const PROBE_TIMEOUT_MS = 2000;
/** How long one that starts waits for others that start, and have yet to see that it goes first. */
const RIVAL_WAIT_MS = 20;
const RIVAL_WAITS = 500;

/** Holds one destination's state for one process. */
export interface StateLock {
  /** Never rejects. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a destination's state: a Unix socket in the state folder that answers while its owner lives.
 * (Node has no flock, and a PID says nothing across containers.) Whoever connects to it, under the name `NAME.sock`,
 * is sent `describe()` as one line of JSON: that is how `status` learns what a running forwarder does. It may return
 * a promise, which must not reject, and resolves well before PROBE_TIMEOUT_MS has passed.
 *
 * Throws an OperatorError when another process holds it, or when the folder cannot be written.
 */
export async function takeLock(directory: string, name: string, describe: () => unknown): Promise<StateLock> {
  const path = socketPath(directory, name, '.sock');
  // A socket file whose owner died stays so: a name that nobody else ever takes can be removed without a race.
  const id = randomBytes(4).toString('hex');
  const claim = socketPath(directory, name, `.${id}.own`);
  const unheard = join(directory, `${id}.tmp`);
  let isHolder = false;
  let server: Server | undefined;
  const release = async (): Promise<void> => {
    // Where the folder has become read-only, the files stay: nobody answers there, so whoever comes next removes them.
    if (isHolder) await rm(path, { force: true }).catch(() => undefined);
    await rm(claim, { force: true }).catch(() => undefined);
    if (server !== undefined) await close(server);
  };
  try {
    await makeFolder(directory);
    server = await listen(unheard, async () => (isHolder ? JSON.stringify(await describe()) : ''));
    // Under its claim's name only when it answers: before, it would be taken for dead.
    await rename(unheard, claim);
    await outlastRivals(directory, name, claim);
    isHolder = true;
    await rm(path, { force: true });
    await link(claim, path);
  } catch (error) {
    await release();
    throw error instanceof OperatorError ? error : cannotWrite(directory, error);
  }
  return { release };
}

/** Asks the process that holds a destination's lock; undefined when none does. */
export async function askLockHolder(directory: string, name: string): Promise<unknown> {
  const { answer } = await connect(socketPath(directory, name, '.sock'));
  try {
    return JSON.parse(answer) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Resolves when no other claim's owner lives. Of two that claim at a time, at least the one that looks later sees the
 * other; so whoever sees nobody may hold the lock. Where they see each other, the lower name goes first: the other
 * gives up, and is waited for, since it may have looked before and hold the lock already.
 */
async function outlastRivals(directory: string, name: string, claim: string): Promise<void> {
  for (let waits = 0; ; waits++) {
    const rivals = await livingRivals(directory, name, claim);
    if (rivals.length === 0) return;
    if (waits === RIVAL_WAITS || rivals.some((rival) => rival.isHolder || rival.claim < claim)) throw inUse(directory, name);
    await delay(RIVAL_WAIT_MS);
  }
}

async function livingRivals(directory: string, name: string, own: string): Promise<{ readonly claim: string; readonly isHolder: boolean }[]> {
  const rivals: { readonly claim: string; readonly isHolder: boolean }[] = [];
  for (const file of await readdir(directory)) {
    const claim = join(directory, file);
    if (!file.startsWith(`${name}.`) || !/^[0-9a-f]{8}\.own$/.test(file.slice(name.length + 1)) || claim === own) continue;
    const { isAlive, answer } = await connect(claim);
    if (isAlive) rivals.push({ claim, isHolder: answer.trim() !== '' });
    else await rm(claim, { force: true });
  }
  return rivals;
}

function listen(path: string, answer: () => Promise<string>): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      void answer().then((text) => {
        // Not left open for a peer that never closes its side: `close` would wait for it.
        socket.end(text + '\n', () => socket.destroy());
      });
    });
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      // Serving `status` must never keep the process alive, nor end it.
      server.on('error', () => undefined);
      server.unref();
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

/** Whether the owner of a socket lives, and what it answers. Alive unless that is refused: it may be busy, or another user's. */
function connect(path: string): Promise<{ readonly isAlive: boolean; readonly answer: string }> {
  return new Promise((resolve) => {
    let answer = '';
    let isAlive = true;
    const socket = createConnection(path);
    const end = (): void => {
      socket.destroy();
      resolve({ isAlive, answer });
    };
    socket.setEncoding('utf8');
    socket.setTimeout(PROBE_TIMEOUT_MS, end);
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      isAlive = code !== 'ECONNREFUSED' && code !== 'ENOENT';
      end();
    });
    socket.on('close', end);
  });
}

function socketPath(directory: string, name: string, suffix: string): string {
  const path = join(directory, name + suffix);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  throw new OperatorError(
    'ERR_STATE_PATH',
    `The state folder "${directory}" is too long for a socket named "${name}${suffix}": a path may have ${MAX_SOCKET_PATH_BYTES} bytes. Choose a shorter --state-dir, or a shorter name= for the destination.`,
  );
}

function inUse(directory: string, name: string): OperatorError {
  return new OperatorError(
    'ERR_STATE_LOCKED',
    `Another journald-forwarder uses the state of "${name}" in ${directory}. Stop it, or give this one its own --state-dir.`,
  );
}

function cannotWrite(directory: string, error: unknown): OperatorError {
  return new OperatorError(
    'ERR_STATE_DIR',
    `Cannot write the state folder ${directory}: ${(error as Error).message}. Give this user the right to write it, or name another with --state-dir.`,
    { cause: error },
  );
}
