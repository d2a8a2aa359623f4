import type { CommandProcess } from './command-process.js';
import type { CloudWatchService, Receiver } from './destinations.js';
import type { Fault, Infliction } from './schedule.js';
import { waitOut } from './wait-out.js';
import type { Writers } from './writers.js';

/** What the kernels of the two ends hold. */
type Queues = () => { readonly unsent: number; readonly unread: number };

/** More than the kernel's buffers and `confirmBytes` together. */
const DROWNING_BYTES = 20 * 1024 * 1024;
const BACKLOG_BYTES = 4 * 1024 * 1024;
/** What lies unread for longer, behind an empty send queue, may soon count as read (confirmAfterMs is 1 s). */
const FAIR_MS = 600;

/**
 * What befalls the receiver of a plain stream. It is never killed with bytes unread that its sender had to take for
 * read: those are the ones that its kernel acknowledged a second ago, with nothing behind them. No sender can know.
 */
export function streamFaults(receiver: Receiver, writers: Writers, queues: Queues): Readonly<Record<string, Fault>> {
  return {
    kill: {
      weight: 4,
      lastsMs: [50, 5000],
      inflict: async ({ lastsMs, signal, note }) => {
        if (!(await killWell(receiver, note))) return;
        await waitOut(lastsMs, signal);
        await receiver.start();
      },
    },
    hang: {
      weight: 2,
      lastsMs: [500, 6000],
      inflict: async (how) => {
        await haltedFor(receiver, how);
        await receiver.ask({ do: 'drain' });
      },
    },
    'accept, never read': { weight: 2, lastsMs: [500, 6000], inflict: (how) => deafFor(receiver, how) },
    'pause and die': {
      weight: 3,
      lastsMs: [50, FAIR_MS],
      inflict: async ({ lastsMs, chance, signal, note }) => {
        if ((await receiver.ask({ do: 'drain' }, 2000)) === undefined) return note('left alone, since it does not keep up');
        const sinceMs = performance.now();
        if (chance < 0.5) receiver.signal('SIGSTOP');
        else await receiver.ask({ do: 'be-deaf' });
        await waitOut(lastsMs, signal);
        // On a busy machine the pause may have become longer than a sender can cover.
        if (performance.now() - sinceMs < 1.3 * FAIR_MS) {
          await receiver.kill();
          return receiver.start();
        }
        note('not killed: what it has not read may count as read');
        receiver.signal('SIGCONT');
        await receiver.ask({ do: 'read' });
      },
    },
    reset: { weight: 3, lastsMs: [0, 0], inflict: async () => void (await receiver.ask({ do: 'drain' }), await receiver.ask({ do: 'reset' })) },
    'close one direction': { weight: 2, lastsMs: [0, 0], inflict: async () => void (await receiver.ask({ do: 'finish' })) },
    'read slowly': {
      weight: 2,
      lastsMs: [1000, 6000],
      inflict: async ({ lastsMs, chance, signal }) => {
        await receiver.ask({ do: 'read', bytesPerSecond: 5000 + chance * 100_000 });
        await waitOut(lastsMs, signal);
        await receiver.ask({ do: 'read' });
        await receiver.ask({ do: 'drain' });
      },
    },
    'die slow': { weight: 2, lastsMs: [1500, 4000], inflict: (how) => dieSlow(receiver, writers, queues, how) },
  };
}

/** What befalls the path to a receiver that is well. */
export function pathFaults(proxy: CommandProcess): Readonly<Record<string, Fault>> {
  const late = async ({ lastsMs, chance, signal }: Infliction): Promise<void> => {
    await proxy.ask({ do: 'delay', latencyMs: 20 + chance * 280 });
    await waitOut(lastsMs, signal);
  };
  return {
    cut: { weight: 4, lastsMs: [0, 0], inflict: async () => void (await proxy.ask({ do: 'cut' })) },
    stall: { weight: 2, lastsMs: [500, 6000], inflict: (how) => deafFor(proxy, how) },
    latency: {
      weight: 2,
      lastsMs: [1000, 6000],
      inflict: async (how) => {
        await late(how);
        await proxy.ask({ do: 'delay', latencyMs: 0 });
      },
    },
    'latency, then cut': {
      weight: 3,
      lastsMs: [1000, 4000],
      inflict: async (how) => {
        await late(how);
        await proxy.ask({ do: 'cut' });
        await proxy.ask({ do: 'delay', latencyMs: 0 });
      },
    },
    'close one direction': { weight: 2, lastsMs: [0, 0], inflict: async () => void (await proxy.ask({ do: 'finish' })) },
  };
}

/**
 * What befalls a receiver that acknowledges what it has stored, and the path to it. Nothing here needs to be fair: it is
 * killed whenever it likes, with whatever it has not read.
 */
export function acknowledgedFaults(receiver: Receiver, proxy: CommandProcess, writers: Writers): Readonly<Record<string, Fault>> {
  const { cut, stall, latency } = pathFaults(proxy) as Record<'cut' | 'stall' | 'latency', Fault>;
  return {
    'path: cut': { ...cut, weight: 2 },
    'path: stall': { ...stall, weight: 1 },
    'path: latency': { ...latency, weight: 2 },
    kill: { weight: 4, lastsMs: [50, 5000], inflict: (how) => deadFor(receiver, how) },
    hang: { weight: 2, lastsMs: [500, 6000], inflict: (how) => haltedFor(receiver, how) },
    'hang and die': {
      weight: 2,
      lastsMs: [500, 4000],
      inflict: async (how) => {
        receiver.signal('SIGSTOP');
        await waitOut(how.lastsMs, how.signal);
        await deadFor(receiver, { ...how, lastsMs: 0 });
      },
    },
    'accept, never read': { weight: 4, lastsMs: [500, 6000], inflict: (how) => deafFor(receiver, how) },
    reset: { weight: 2, lastsMs: [0, 0], inflict: async () => void (await receiver.ask({ do: 'reset' })) },
    'close one direction': { weight: 3, lastsMs: [0, 0], inflict: async () => void (await receiver.ask({ do: 'finish' })) },
    'die with a backlog': {
      weight: 2,
      lastsMs: [500, 2000],
      inflict: async (how) => {
        await receiver.ask({ do: 'read', bytesPerSecond: 100_000 + how.chance * 1_000_000 });
        await writers.burst(BACKLOG_BYTES);
        await waitOut(how.lastsMs, how.signal);
        await deadFor(receiver, { ...how, lastsMs: 0 });
      },
    },
  };
}

/** What befalls an HTTP server besides. */
export function webFaults(receiver: Receiver): Readonly<Record<string, Fault>> {
  const refusing = async ({ lastsMs, chance, signal, note }: Infliction): Promise<void> => {
    const status = [429, 500, 502, 503, 401, 404][Math.floor(chance * 6)]!;
    note(`answers ${status}`);
    await receiver.ask({ do: 'answer', status });
    await waitOut(lastsMs, signal);
    await receiver.ask({ do: 'answer' });
  };
  const losing = async ({ lastsMs, signal }: Infliction): Promise<void> => {
    await receiver.ask({ do: 'answer', losesAnswers: true });
    await waitOut(lastsMs, signal);
    await receiver.ask({ do: 'answer' });
  };
  return {
    'another answer': { weight: 4, lastsMs: [500, 4000], inflict: refusing },
    'answers lost': { weight: 4, lastsMs: [500, 4000], inflict: losing },
  };
}

/** What befalls a service that answers each request, its own way and the path's: killed whenever it likes, and everything that a request can end in. */
export function cloudWatchFaults(service: CloudWatchService): Readonly<Record<string, Fault>> {
  const going = (kind: string, more: object = {}): ((how: Infliction) => Promise<void>) => async ({ lastsMs, signal }) => {
    await service.ask({ do: 'fault', fault: { kind, ...more } });
    await waitOut(lastsMs, signal);
    await service.ask({ do: 'mend' });
  };
  return {
    kill: { weight: 3, lastsMs: [50, 5000], inflict: (how) => deadFor(service, how) },
    hang: { weight: 2, lastsMs: [500, 6000], inflict: (how) => haltedFor(service, how) },
    throttle: { weight: 2, lastsMs: [500, 4000], inflict: going('throttle') },
    'lose answers': { weight: 3, lastsMs: [500, 3000], inflict: going('lose-answer', { every: 2 }) },
    'reset connections': { weight: 2, lastsMs: [500, 3000], inflict: going('reset', { every: 2 }) },
    'be unavailable': { weight: 1, lastsMs: [500, 3000], inflict: going('unavailable') },
    'deny access': { weight: 1, lastsMs: [500, 3000], inflict: going('deny') },
    'be slow': { weight: 1, lastsMs: [1000, 4000], inflict: going('slow', { ms: 300 }) },
  };
}

export function datagramFaults(receiver: Receiver): Readonly<Record<string, Fault>> {
  return {
    kill: { weight: 1, lastsMs: [100, 3000], inflict: (how) => deadFor(receiver, how) },
  };
}

async function deadFor(who: Receiver | CloudWatchService, { lastsMs, signal }: Infliction): Promise<void> {
  await who.kill();
  await waitOut(lastsMs, signal);
  await who.start();
}

async function haltedFor(who: CommandProcess, { lastsMs, signal }: Infliction): Promise<void> {
  who.signal('SIGSTOP');
  await waitOut(lastsMs, signal);
  who.signal('SIGCONT');
}

async function deafFor(who: CommandProcess, { lastsMs, signal }: Infliction): Promise<void> {
  await who.ask({ do: 'be-deaf' });
  await waitOut(lastsMs, signal);
  await who.ask({ do: 'read' });
  await who.ask({ do: 'drain' });
}

/** Kills a receiver that keeps up; false where it does not. */
async function killWell(receiver: Receiver, note: Infliction['note']): Promise<boolean> {
  if ((await receiver.ask({ do: 'drain' }, 2000)) === undefined) {
    note('left alone, since it does not keep up');
    return false;
  }
  await receiver.kill();
  return true;
}

/**
 * Kills a receiver in the midst of a backlog that it reads too slowly, so that its kernel's buffer is full of bytes
 * which were acknowledged long ago: what is confirmed then by time alone is lost.
 */
async function dieSlow(receiver: Receiver, writers: Writers, queues: Queues, { lastsMs, chance, signal, note }: Infliction): Promise<void> {
  if (!(await killWell(receiver, note))) return;
  await writers.burst(DROWNING_BYTES);
  await receiver.start();
  await receiver.ask({ do: 'read', bytesPerSecond: 1_000_000 + chance * 1_000_000 });
  const samples: { readonly atMs: number; readonly isSent: boolean; readonly arrived: number }[] = [];
  let begun = 0;
  let read = 0;
  const deadline = performance.now() + 15_000;
  while (!signal.aborted && performance.now() < deadline && (begun === 0 || performance.now() - begun < lastsMs)) {
    const { unsent, unread } = queues();
    read = (await receiver.ask({ do: 'count' }))?.bytesRead ?? 0;
    samples.push({ atMs: performance.now(), isSent: unsent === 0, arrived: read + unread });
    if (begun === 0 && read > 0) begun = performance.now();
    await waitOut(100, signal);
  }
  const now = performance.now();
  const isFair = begun > 0 && !signal.aborted && !samples.some(({ atMs, isSent, arrived }) => isSent && now - atMs > FAIR_MS && arrived > read);
  if (isFair) {
    note(`killed after it had read ${read} bytes, with ${queues().unread} unread and ${queues().unsent} unacknowledged`);
    await receiver.kill();
    await receiver.start();
  } else {
    note('not killed: what it has not read may count as read');
    await receiver.ask({ do: 'read' });
    await receiver.ask({ do: 'drain' });
  }
}
