import type { Gatewayd } from '../support/gatewayd.js';
import type { JournalSandbox } from '../support/journal-sandbox.js';
import type { ForwarderService } from './forwarder-service.js';
import type { JournalArchive } from './journal-archive.js';
import type { Network } from './network.js';
import type { Actor } from './schedule.js';
import type { StateDisk } from './state-disk.js';
import { waitOut } from './wait-out.js';

export interface Machine {
  readonly sandbox: JournalSandbox;
  readonly forwarder: ForwarderService;
  readonly archive: JournalArchive;
  readonly state: StateDisk;
  readonly network: Network;
  /** The destinations whose checkpoints a vacuum has to respect. */
  readonly names: readonly string[];
}

/** Everything that fails on the forwarder's own machine. */
export function machineActors({ sandbox, forwarder, archive, state, network, names }: Machine): readonly Actor[] {
  return [
    {
      name: 'forwarder',
      quietMs: 10_000,
      faults: {
        SIGKILL: { weight: 4, lastsMs: [0, 3000], inflict: ({ lastsMs }) => forwarder.kill(lastsMs) },
        SIGTERM: { weight: 1, lastsMs: [0, 1000], inflict: ({ lastsMs }) => forwarder.restart(lastsMs) },
      },
    },
    {
      name: 'journald',
      quietMs: 1800,
      faults: {
        rotate: { weight: 8, lastsMs: [0, 0], inflict: () => sandbox.rotate() },
        SIGKILL: { weight: 1, lastsMs: [0, 0], inflict: () => sandbox.crash() },
        restart: { weight: 1, lastsMs: [0, 0], inflict: () => sandbox.restart() },
        vacuum: {
          weight: 3,
          lastsMs: [0, 0],
          inflict: async ({ note }) => {
            const saved = await Promise.all(names.map((name) => state.savedUpTo(name)));
            if (saved.includes(undefined)) return note('nothing removed: a destination has no checkpoint');
            note(`removed ${await archive.vacuum(Math.min(...(saved as number[])))} files`);
          },
        },
      },
    },
    {
      name: 'journalctl',
      quietMs: 5000,
      faults: {
        SIGKILL: { weight: 3, lastsMs: [0, 0], inflict: async ({ chance, note }) => note(signalOne(forwarder, chance, 'SIGKILL')) },
        SIGSTOP: {
          weight: 2,
          lastsMs: [500, 6000],
          inflict: async ({ chance, lastsMs, signal, note }) => {
            const victim = oneOf(forwarder.journalctls(), chance);
            note(send(victim, 'SIGSTOP'));
            await waitOut(lastsMs, signal);
            send(victim, 'SIGCONT');
          },
        },
        // Which the forwarder itself has to notice.
        'SIGSTOP for good': { weight: 1, lastsMs: [0, 0], inflict: async ({ chance, note }) => note(signalOne(forwarder, chance, 'SIGSTOP')) },
      },
    },
    {
      name: 'state',
      quietMs: 14_000,
      faults: {
        full: {
          weight: 1,
          lastsMs: [500, 4000],
          inflict: async ({ lastsMs, signal }) => {
            await state.fill();
            await waitOut(lastsMs, signal);
            await state.clear();
          },
        },
        'read-only': {
          weight: 1,
          lastsMs: [500, 4000],
          inflict: async ({ lastsMs, signal, note }) => {
            if (!(await state.setReadOnly(true))) return note('left alone, since it is being written all the time');
            await waitOut(lastsMs, signal);
            if (!(await state.setReadOnly(false))) throw new Error('Cannot make the state folder writable again.');
          },
        },
      },
    },
    {
      name: 'network',
      quietMs: 14_000,
      faults: {
        down: {
          weight: 1,
          lastsMs: [200, 4000],
          inflict: async ({ lastsMs, signal }) => {
            await network.setUp(false);
            await waitOut(lastsMs, signal);
            await network.setUp(true);
          },
        },
      },
    },
  ];
}

/** What fails about a gatewayd that stands between the journal and the forwarder. */
export function gatewayActor(gateway: Gatewayd): Actor {
  return {
    name: 'gateway',
    quietMs: 3000,
    faults: {
      SIGKILL: {
        weight: 3,
        lastsMs: [0, 2000],
        inflict: async ({ lastsMs, signal }) => {
          await gateway.kill();
          await waitOut(lastsMs, signal);
          await gateway.start();
        },
      },
      SIGSTOP: {
        weight: 2,
        lastsMs: [500, 4000],
        inflict: async ({ lastsMs, signal }) => {
          gateway.signal('SIGSTOP');
          await waitOut(lastsMs, signal);
          gateway.signal('SIGCONT');
        },
      },
    },
  };
}

function signalOne(forwarder: ForwarderService, chance: number, signal: NodeJS.Signals): string {
  return send(oneOf(forwarder.journalctls(), chance), signal);
}

function oneOf(pids: readonly number[], chance: number): number | undefined {
  return pids[Math.floor(chance * pids.length)];
}

function send(pid: number | undefined, signal: NodeJS.Signals): string {
  if (pid === undefined) return 'there is none just now';
  try {
    process.kill(pid, signal);
  } catch {
    return `process ${pid} has gone`;
  }
  return `process ${pid}`;
}
