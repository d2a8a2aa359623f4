import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cursor } from '../../src/core/entry.js';
import type { Batch, Delivery, Framing, Sink } from '../../src/core/sink.js';

/** A sink, and the receiver that it was set up to deliver to. */
export interface SinkUnderTest {
  readonly sink: Sink;
  /** Resolves to the messages in the order of their arrival, as soon as there are so many. */
  received(count: number): Promise<readonly string[]>;
  /** Where the transport has backpressure: stops reading, from before the first connection on if called then. */
  readonly stall?: () => void;
  readonly resume?: () => void;
  /** Frees the receiver. */
  stop(): Promise<void> | void;
}

/** What every sink promises (src/core/sink.ts), whatever it delivers to. */
export function testSinkConformance(name: string, setUp: () => Promise<SinkUnderTest>, { backpressure }: { readonly backpressure: boolean }): void {
  function promise(title: string, body: (part: SinkUnderTest) => Promise<void>): void {
    test(`${name}: ${title}`, { timeout: 30_000 }, async () => {
      const part = await setUp();
      try {
        await body(part);
      } finally {
        await part.sink.close(AbortSignal.abort());
        await part.stop();
      }
    });
  }

  promise('delivers the messages of deliveries that overlap in the order of the calls, and close confirms them', async ({ sink, received }) => {
    const outcomes: Promise<boolean>[] = [];
    const expected: string[] = [];
    let under: Promise<Delivery>[] = [];
    for (let i = 0; i < 40; i++) {
      const messages = [`${i} first`, `${i} second`];
      expected.push(...messages);
      under.push(sink.deliver(batchOf(sink.framing, messages), never()));
      if (under.length < sink.limits.maxInFlight) continue;
      for (const delivery of await Promise.all(under)) outcomes.push(settled(delivery));
      under = [];
    }
    for (const delivery of await Promise.all(under)) outcomes.push(settled(delivery));
    assert.deepEqual(await received(expected.length), expected);
    await sink.close(never());
    assert.ok((await Promise.all(outcomes)).every(Boolean));
  });

  promise('confirms what was sent without being closed', async ({ sink }) => {
    assert.equal(await settled(await sink.deliver(batchOf(sink.framing, ['one']), never())), true);
  });

  promise('attempts nothing for a signal that has aborted', async ({ sink, received }) => {
    assert.equal((await sink.deliver(batchOf(sink.framing, ['aborted']), AbortSignal.abort())).outcome, 'retryable');
    await sink.deliver(batchOf(sink.framing, ['alive']), never());
    assert.deepEqual(await received(1), ['alive']);
  });

  promise('opens anew for a delivery after close', async ({ sink, received }) => {
    await sink.deliver(batchOf(sink.framing, ['before']), never());
    await sink.close(never());
    assert.equal(await settled(await sink.deliver(batchOf(sink.framing, ['after']), never())), true);
    assert.deepEqual(await received(2), ['before', 'after']);
  });

  promise('can be closed twice, and at the same time', async ({ sink }) => {
    await sink.deliver(batchOf(sink.framing, ['one']), never());
    await Promise.all([sink.close(never()), sink.close(never())]);
    await sink.close(never());
  });

  promise('settles a delivery that close meets under way', async ({ sink, received }) => {
    await sink.deliver(batchOf(sink.framing, ['before']), never());
    const delivery = sink.deliver(batchOf(sink.framing, ['during']), never());
    await sink.close(never());
    const { outcome } = await delivery;
    if (outcome === 'retryable') assert.deepEqual(await received(1), ['before']);
    else assert.deepEqual(await received(2), ['before', 'during']);
  });

  promise('leaves no listener on a signal', async ({ sink }) => {
    let listeners = 0;
    const signal = never();
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => (listeners++, addEventListener.apply(signal, args));
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => (listeners--, removeEventListener.apply(signal, args));
    for (let i = 0; i < 3; i++) await settled(await sink.deliver(batchOf(sink.framing, ['one']), signal));
    await sink.close(signal);
    await new Promise(setImmediate);
    assert.equal(listeners, 0);
  });

  promise('probes a destination that is there without sending to it', async ({ sink, received }) => {
    assert.equal(await sink.probe(never()), undefined);
    await sink.deliver(batchOf(sink.framing, ['first']), never());
    assert.deepEqual(await received(1), ['first']);
  });

  if (!backpressure) return;

  promise('waits for a receiver that does not read, and then loses nothing', async ({ sink, received, stall, resume }) => {
    stall?.();
    const messages = Array.from({ length: 24 }, (_, i) => `${i} ${'x'.repeat(1_000_000)}`);
    const delivery = sink.deliver(batchOf(sink.framing, messages), never());
    assert.equal(await Promise.race([delivery, turns(50)]), undefined);
    resume?.();
    assert.notEqual((await delivery).outcome, 'retryable');
    assert.deepEqual(await received(messages.length), messages);
  });

  promise('resolves as retryable when it is aborted while the receiver does not read', async ({ sink, stall }) => {
    stall?.();
    const stopping = new AbortController();
    const deliveries = [0, 1].map(() => sink.deliver(batchOf(sink.framing, ['y'.repeat(24_000_000)]), stopping.signal));
    await turns(50);
    stopping.abort();
    for (const { outcome } of await Promise.all(deliveries)) assert.equal(outcome, 'retryable');
  });

  promise('gives up a close that is aborted, and leaves nothing open', async ({ sink, stall }) => {
    stall?.();
    const small = sink.deliver(batchOf(sink.framing, ['small']), never());
    // A receiver that acknowledges by itself does not, while it does not read.
    if (sink.limits.maxInFlight === 1) await small;
    const delivery = sink.deliver(batchOf(sink.framing, ['y'.repeat(24_000_000)]), never());
    await turns(50);
    const stopping = new AbortController();
    const closed = sink.close(stopping.signal);
    await turns(5);
    stopping.abort();
    await closed;
    if (sink.limits.maxInFlight > 1) {
      assert.equal((await delivery).outcome, 'retryable');
      await settled(await small);
    }
  });
}

/** A batch of text messages, framed. */
export function batchOf(framing: Framing, messages: readonly string[], lane = ''): Batch {
  const contents = messages.map((message) => Buffer.from(message));
  return {
    lane,
    count: contents.length,
    bytes: Buffer.concat(contents.flatMap((content) => (framing === 'octet-counting' ? [Buffer.from(`${content.length} `), content] : framing === 'lf' ? [content, Buffer.from('\n')] : [content]))),
    message: (index) => contents[index]!,
    timestamp: () => 0,
    cursor: (index) => `c=${index};${messages[index]!.slice(0, 64)}` as Cursor,
  };
}

/** Whether the receiver got the batch, once that is known. */
export function settled(delivery: Delivery): Promise<boolean> {
  return delivery.outcome === 'sent' ? delivery.confirmed : Promise.resolve(delivery.outcome === 'delivered');
}

export function never(): AbortSignal {
  return new AbortController().signal;
}

/** Lets the event loop go round. */
export async function turns(count: number): Promise<undefined> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
  return undefined;
}
