import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import type { Delivery } from '../../src/core/sink.js';
import { Route } from '../../src/pipeline/route.js';
import { type Attempt, delivered, failing, FakeSink, sent, stopped } from '../support/fake-sink.js';
import { chunksOf, FakeSource, numbered, numberIn } from '../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../support/fake-stores.js';
import { encodeMessage } from '../support/message-encoder.js';
import { RecordedLogger } from '../support/recorded-logger.js';

/** What becomes of one attempt; `turns` is how long it takes. `share` is how much of the batch a half-done one did. */
interface Step {
  readonly kind: 'deliver' | 'send' | 'refuse' | 'reject' | 'die' | 'hang';
  readonly turns: number;
  readonly share: number;
  /** How many of the oldest unconfirmed batches are confirmed thereafter. */
  readonly confirms: number;
  /** Ends the run after this attempt began. */
  readonly ends: 'stop' | 'abort' | undefined;
}

const step = (kinds: readonly Step['kind'][]): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    turns: fc.nat(3),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    confirms: fc.nat(3),
    ends: fc.option(fc.constantFrom('stop' as const, 'abort' as const), { freq: 12, nil: undefined }),
  });

/** Which entries are accepted ('a'), filtered out ('f'), or nothing to the format ('s'). */
const scenario = (kinds: readonly Step['kind'][]): fc.Arbitrary<Scenario> =>
  fc.record({
    entries: fc.array(fc.constantFrom('a' as const, 'a' as const, 'a' as const, 'f' as const, 's' as const), { maxLength: 40 }),
    chunkSize: fc.integer({ min: 1, max: 9 }),
    maxMessages: fc.integer({ min: 1, max: 6 }),
    maxInFlight: fc.integer({ min: 1, max: 3 }),
    steps: fc.array(step(kinds), { maxLength: 30 }),
  });

interface Scenario {
  readonly entries: readonly ('a' | 'f' | 's')[];
  readonly chunkSize: number;
  readonly maxMessages: number;
  readonly maxInFlight: number;
  readonly steps: readonly Step[];
}

describe('a route, whatever its receiver does, and however often it is stopped', { timeout: 120_000 }, () => {
  before(() => void mock.method(Math, 'random', () => 0));
  after(() => mock.restoreAll());

  test('delivers everything exactly once and in order to a receiver without faults', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(['deliver', 'send']), async (given) => {
        const world = await play({ ...given, steps: given.steps.map((one) => ({ ...one, ends: one.ends === 'abort' ? 'stop' : one.ends })) }, 'stream');
        assert.deepEqual(world.stored, world.accepted);
        assert.deepEqual(world.counts, { delivered: world.accepted.length, filtered: given.entries.length - world.accepted.length, rejected: 0 });
      }),
      { numRuns: 300 },
    );
  });

  test('loses nothing over a stream that breaks, and repeats only what was unconfirmed, in order', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(['send', 'send', 'send', 'refuse', 'die', 'hang']), async (given) => {
        const world = await play(given, 'stream');
        const first = [...new Set(world.stored)];
        assert.deepEqual(first, world.accepted);
        assert.equal(world.counts.delivered, world.accepted.length);
      }),
      { numRuns: 500 },
    );
  });

  test('loses nothing where requests fail, are half done, or are refused for good', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(['deliver', 'deliver', 'refuse', 'reject', 'hang']), async (given) => {
        const world = await play(given, 'requests');
        assert.deepEqual([...new Set([...world.stored, ...world.setAside])].sort((a, b) => a - b), world.accepted);
        assert.equal(world.counts.delivered + world.counts.rejected, world.accepted.length);
        assert.equal(world.counts.filtered, given.entries.length - world.accepted.length);
      }),
      { numRuns: 500 },
    );
  });
});

interface World {
  readonly accepted: readonly number[];
  readonly stored: readonly number[];
  readonly setAside: readonly number[];
  readonly counts: { readonly delivered: number; readonly filtered: number; readonly rejected: number };
}

/** Runs a route again and again, each time from what the last run saved, until one ends by itself. */
async function play({ entries, chunkSize, maxMessages, maxInFlight, steps }: Scenario, transport: 'stream' | 'requests'): Promise<World> {
  const accepted = entries.flatMap((kind, index) => (kind === 'a' ? [index + 1] : []));
  const receiver = new Receiver(transport === 'stream');
  const deadLetters = new MemoryDeadLetters();
  const checkpoints = new MemoryCheckpoints();
  const setAside = (): number[] => deadLetters.contents.map(Number);
  const chunks = chunksOf(entries.length, chunkSize, (number) => numbered(number, entries[number - 1] === 's' ? {} : { MESSAGE: String(number) }));
  const remaining = [...steps];
  const onSettled = (settled: number): void => {
    const safe = new Set([...receiver.stored, ...setAside()]);
    for (const number of accepted) assert.ok(number > settled || safe.has(number), `the position ${settled} is past ${number}, which nobody has`);
  };
  for (let isOver = false; !isOver; ) {
    const stopping = new AbortController();
    const aborting = new AbortController();
    const answer = (attempt: Attempt): Promise<Delivery> => {
      const next = remaining.shift();
      if (next?.ends !== undefined) stopping.abort();
      if (next?.ends === 'abort') aborting.abort();
      return receiver.take(attempt, next, () => { stopping.abort(); aborting.abort(); });
    };
    const sink = new FakeSink({ answer, onClose: (signal) => { receiver.close(signal); }, limits: { maxMessages, maxInFlight } });
    const source = new FakeSource(chunks, { onSettled });
    const logger = new RecordedLogger();
    const accepts = (entry: { readonly cursor: string }): boolean => entries[Number(entry.cursor.slice(2)) - 1] !== 'f';
    const route = new Route({ name: 'there', label: 'there', source, accepts, encoder: encodeMessage, sink, checkpoints, deadLetters, logger });
    await route.run(stopping.signal, aborting.signal);
    assert.equal(numberIn(checkpoints.saved?.position), Math.max(source.settledNumber, source.passes[0] ?? 0));
    assert.equal(receiver.unconfirmed, 0);
    isOver = !stopping.signal.aborted;
  }
  assert.equal(numberIn(checkpoints.saved?.position), entries.length);
  const counts = checkpoints.saved?.counts ?? { delivered: 0, filtered: 0, rejected: 0 };
  return { accepted, stored: receiver.stored, setAside: setAside(), counts };
}

/** A receiver that has what it stored; what it was sent over a connection is stored in order, until the connection dies. */
class Receiver {
  readonly stored: number[] = [];
  /** What is sent and not confirmed, oldest first; `messages` are stored when confirmed, if not before. */
  #sent: { readonly messages: readonly number[]; readonly confirm: (isConfirmed: boolean) => void; isStored: boolean }[] = [];
  #connection = 0;
  #isDying = false;
  /** No new connection is there yet: that takes a turn of the event loop at least, in which the route learns of the break. */
  #isDown = false;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #isStream: boolean;

  constructor(isStream: boolean) {
    this.#isStream = isStream;
  }

  get unconfirmed(): number {
    return this.#sent.length;
  }

  /** Attempts come to their end in the order of the calls. */
  take(attempt: Attempt, step: Step | undefined, end: () => void): Promise<Delivery> {
    const connection = this.#isDown ? -1 : this.#connection;
    const delivery = this.#queue.then(() => this.#takeNow(attempt, step, connection, end));
    this.#queue = delivery;
    return delivery;
  }

  close(signal: AbortSignal): void {
    if (signal.aborted || this.#isDying) this.#break(0);
    else this.#confirm(this.#sent.length);
  }

  async #takeNow({ messages, signal }: Attempt, step: Step | undefined, connection: number, end: () => void): Promise<Delivery> {
    for (let turn = 0; turn < (step?.turns ?? 0); turn++) await new Promise(setImmediate);
    // What was called before the connection broke fails with it; what is cut breaks it, since it may be half sent.
    if (this.#isStream && connection !== this.#connection) return failing('the connection broke');
    if (signal.aborted) {
      this.#break(step?.share ?? 0);
      return stopped;
    }
    const numbers = messages.map(Number);
    const part = Math.floor((step?.share ?? 0) * numbers.length);
    switch (step?.kind) {
      case 'send':
        return this.#send(numbers, step);
      case 'die':
        this.#isDying = true;
        return this.#send(numbers, step);
      case 'refuse':
        if (this.#isStream) {
          this.#break(step.share);
          return failing('the connection broke');
        }
        this.stored.push(...numbers.slice(0, part));
        // All but one: an attempt that delivered everything has not failed.
        return failing('is busy', { deliveredCount: Math.min(part, numbers.length - 1) });
      case 'reject': {
        this.stored.push(...numbers.slice(part));
        return { outcome: 'rejected', rejections: numbers.slice(0, part).map((_, index) => ({ index, reason: 'no' })) };
      }
      case 'hang':
        end();
        this.#break(step.share);
        return stopped;
      default:
        if (this.#isDying) {
          this.#break(0);
          return failing('the connection broke');
        }
        this.#confirm(this.#sent.length);
        this.stored.push(...numbers);
        return delivered;
    }
  }

  #send(numbers: readonly number[], { confirms }: Step): Delivery {
    const { delivery, confirm } = sent();
    if (!this.#isDying) this.stored.push(...numbers);
    this.#sent.push({ messages: numbers, confirm, isStored: !this.#isDying });
    this.#confirm(confirms);
    return delivery;
  }

  /** Confirms the oldest that are stored. */
  #confirm(count: number): void {
    for (let i = 0; i < count && this.#sent[0]?.isStored === true; i++) this.#sent.shift()!.confirm(true);
  }

  /** The connection is gone, and so is part of what was stored and not confirmed: it lay in a buffer. */
  #break(share: number): void {
    const unconfirmed = this.#sent.filter(({ isStored }) => isStored).flatMap(({ messages }) => messages);
    const lost = Math.floor(share * unconfirmed.length);
    this.stored.splice(this.stored.length - lost, lost);
    for (const { confirm } of this.#sent.splice(0)) confirm(false);
    this.#connection += 1;
    this.#isDying = false;
    this.#isDown = true;
    setImmediate(() => (this.#isDown = false));
  }
}
