import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { valueOf, parseExposition } from '../support/exposition.js';
import { eventually } from '../support/eventually.js';
import type { RunningForwarder } from '../support/forwarder.js';
import { MachineClock } from '../support/machine-clock.js';
import { ManagerSocket } from '../support/manager-socket.js';
import { Machine } from './machine.js';

const HOUR = 3600;
const OTHER_USER = 1234;

describe('a clock that jumps', { timeout: 120_000, concurrency: true }, () => {
  it('for the forwarder alone: deliveries, retries, confirmations, saves, health and the watchdog go on', () =>
    withClock(0, async (clock) => {
      const manager = await ManagerSocket.create();
      try {
        await Machine.with(async (machine) => {
          const env = { ...clock.env, NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '300000' };
          let forwarder = machine.forward({ env });
          await machine.writeThrough(100);
          for (const seconds of [HOUR, -HOUR]) {
            clock.set(seconds);
            await machine.writeThrough(100);
            await machine.allSaved();
            await manager.message('WATCHDOG=1', manager.messages.length);
            await forwarder.isReady();
            await hasNoLag(forwarder);
          }
          await machine.receiver.close('reset');
          await machine.write(100);
          await forwarder.isNotReady(/connection refused/);
          for (const seconds of [HOUR, -HOUR]) clock.set(seconds);
          await machine.receiver.restart();
          await machine.allArrived();
          await machine.allSaved();
          await forwarder.isReady();
          assert.equal(forwarder.stderr.match(/WARN .*trying again/g)?.length, 1);
          // And between two runs: what was saved lies an hour ahead of one, and two hours behind the other.
          for (const seconds of [-2 * HOUR, HOUR]) {
            assert.equal((await forwarder.stop()).code, 0);
            clock.set(seconds);
            await machine.write(100);
            forwarder = machine.forward({ env });
            await machine.allArrived();
            await machine.writeThrough(100);
            await machine.allSaved();
          }
          assert.deepEqual([machine.receiver.tally.duplicates, machine.receiver.tally.outOfOrder], [0, 0]);
        });
      } finally {
        await manager.close();
      }
    }));

  it('for the whole machine while it is followed: what two users write arrives once, in the order in which it was written', () =>
    onMachineOf(-2 * HOUR, async (machine, clock) => {
      const forwarder = machine.forward({ env: clock.env });
      await writeByTwo(machine);
      for (const seconds of [-HOUR, -3 * HOUR]) {
        clock.set(seconds);
        await writeByTwo(machine);
        await machine.allArrived();
      }
      await machine.allSaved();
      await forwarder.isReady();
      await hasNoLag(forwarder);
      isComplete(machine, forwarder);
    }));

  it('for the whole machine between two runs: the next one goes on where the last one stopped', () =>
    onMachineOf(-2 * HOUR, async (machine, clock) => {
      let forwarder = machine.forward({ env: clock.env });
      await writeByTwo(machine);
      for (const seconds of [-3 * HOUR, -HOUR, -2 * HOUR]) {
        await machine.allArrived();
        await machine.allSaved();
        assert.equal((await forwarder.stop()).code, 0);
        await writeByTwo(machine);
        clock.set(seconds);
        await writeByTwo(machine);
        forwarder = machine.forward({ env: clock.env });
        await machine.allArrived();
        await writeByTwo(machine);
      }
      await machine.allArrived();
      isComplete(machine, forwarder);
    }));

  it('for the whole machine over a reboot, and forward before the forwarder starts: nothing of either boot is left out', () =>
    onMachineOf(-2 * HOUR, async (machine, clock) => {
      let forwarder = machine.forward({ env: clock.env });
      await writeByTwo(machine);
      await machine.allArrived();
      await machine.allSaved();
      assert.equal((await forwarder.stop()).code, 0);
      await writeByTwo(machine);
      clock.set(-3 * HOUR);
      await machine.sandbox.reboot();
      await writeByTwo(machine);
      clock.set(-HOUR);
      await writeByTwo(machine);
      forwarder = machine.forward({ env: clock.env });
      await machine.allArrived();
      await writeByTwo(machine);
      await machine.allArrived();
      isComplete(machine, forwarder);
    }));

  it('for the whole machine over a reboot, as where no battery keeps the time: boots come one after the other, at each start', () =>
    onMachineOf(-2 * HOUR, async (machine, clock) => {
      let forwarder = machine.forward({ env: clock.env });
      await writeByTwo(machine);
      await stopAtTheEnd(machine, forwarder);
      await writeByTwo(machine);
      // Three boots, of which the second is over before the forwarder starts.
      for (const seconds of [-4 * HOUR, -3 * HOUR]) {
        clock.set(seconds);
        await machine.sandbox.reboot();
        await writeByTwo(machine);
      }
      const bounded = machine.forward({ env: clock.env, more: ['--no-follow'] });
      await machine.allArrived();
      assert.equal((await bounded.exit).code, 0);
      forwarder = machine.forward({ env: clock.env });
      // The time lies behind what the first boot has logged at the next starts, too.
      for (let starts = 0; starts < 2; starts++) {
        await writeByTwo(machine);
        await stopAtTheEnd(machine, forwarder);
        await writeByTwo(machine);
        forwarder = machine.forward({ env: clock.env });
      }
      await machine.allArrived();
      isComplete(machine, forwarder);
    }));

  it('for the whole machine after a reboot, to a time before it: what is read again at a rotation is of the running boot', () =>
    onMachineOf(-2 * HOUR, async (machine, clock) => {
      const first = machine.forward({ env: clock.env });
      await writeByTwo(machine);
      await stopAtTheEnd(machine, first);
      clock.set(-HOUR);
      await machine.sandbox.reboot();
      // With a filter, sequence numbers jump by nature: each rotation is a reason to read again.
      const forwarder = machine.forward({ env: clock.env, more: ['--match', '_TRANSPORT=journal'] });
      await writeByTwo(machine);
      await machine.allArrived();
      clock.set(-3 * HOUR);
      for (let rotations = 0; rotations < 3; rotations++) {
        // The last one in the file of the system: in the other user's file journalctl then goes by the time of day.
        await writeByTwo(machine, [OTHER_USER, undefined]);
        await machine.allArrived();
      }
      await machine.allArrived();
      isComplete(machine, forwarder);
    }));

  it('for the whole machine over a reboot, and what was read last is vacuumed: that is told once, and nothing comes twice', () =>
    onMachineOf(-2 * HOUR, async (machine, clock) => {
      const first = machine.forward({ env: clock.env });
      await writeByTwo(machine);
      await stopAtTheEnd(machine, first);
      clock.set(-3 * HOUR);
      await machine.sandbox.reboot();
      await writeByTwo(machine);
      const second = machine.forward({ env: clock.env });
      await stopAtTheEnd(machine, second);
      await machine.sandbox.rotate();
      await machine.shell('journalctl --vacuum-size=1');
      await writeByTwo(machine);
      const forwarder = machine.forward({ env: clock.env });
      await machine.allArrived();
      assert.equal(forwarder.stderr.match(/no longer holds the entry that was read last/g)?.length, 1);
      assert.equal(machine.receiver.tally.duplicates, 0);
    }));
});

async function withClock(seconds: number, test: (clock: MachineClock) => Promise<void>): Promise<void> {
  const clock = new MachineClock();
  clock.set(seconds);
  try {
    await test(clock);
  } finally {
    clock.remove();
  }
}

/** On a machine that goes by a clock, journald included. */
function onMachineOf(seconds: number, test: (machine: Machine, clock: MachineClock) => Promise<void>): Promise<void> {
  return withClock(seconds, (clock) => Machine.with((machine) => test(machine, clock), { journaldEnv: clock.env }));
}

/** Stops the forwarder once all has arrived and is saved. */
async function stopAtTheEnd(machine: Machine, forwarder: RunningForwarder): Promise<void> {
  await machine.allArrived();
  await machine.allSaved();
  assert.equal((await forwarder.stop()).code, 0);
}

/** In files of their own. They are then rotated, since journald under libfaketime does not tell its followers of new entries. */
async function writeByTwo(machine: Machine, users: readonly (number | undefined)[] = [undefined, OTHER_USER, undefined, OTHER_USER]): Promise<void> {
  for (const uid of users) await machine.write(10, uid);
  await machine.sandbox.rotate();
}

function isComplete(machine: Machine, forwarder: RunningForwarder): void {
  const { duplicates, outOfOrder } = machine.receiver.tally;
  assert.deepEqual({ duplicates, outOfOrder }, { duplicates: 0, outOfOrder: 0 });
  assert.doesNotMatch(forwarder.stderr, /The journal does not have|no longer holds/);
}

async function hasNoLag(forwarder: RunningForwarder): Promise<void> {
  const lag = async (): Promise<number | undefined> => {
    const { text } = await forwarder.answer('/metrics');
    return valueOf(parseExposition(text), 'journald_forwarder_lag_seconds', { destination: /destination="([^"]+)"/.exec(text)![1]! });
  };
  await eventually(lag, (seconds) => seconds === 0);
}
