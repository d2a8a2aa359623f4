import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Batch } from '../../src/core/sink.js';
import { HttpReceiver } from '../support/http-receiver.js';
import { httpSinkTo } from '../support/http-sink.js';
import { batchOf, never } from '../support/sink-conformance.js';

/** The part of a batch that is still to be sent, as a route makes it. */
function rest(messages: readonly string[], from: number): Batch {
  return batchOf('lf', messages.slice(from));
}

it('delivers every message once, and rejects those that are refused, whatever is refused, too large, or answered with a failure', { timeout: 120_000 }, async () => {
  let poison = new Set<string>();
  let most = Infinity;
  let failures: number[] = [];
  let requests = 0;
  const receiver = await HttpReceiver.start({
    answer: ({ body, messages }) => {
      if (failures.includes(++requests)) return 503;
      if (body.length > most) return 413;
      return messages.some((message) => poison.has(message)) ? 400 : 200;
    },
  });
  const batch = fc.array(fc.record({ size: fc.integer({ min: 0, max: 40 }), isPoison: fc.boolean() }), { minLength: 1, maxLength: 40 });
  const run = fc.record({
    batches: fc.array(batch, { minLength: 1, maxLength: 3 }),
    most: fc.oneof(fc.constant(Infinity), fc.integer({ min: 8, max: 400 })),
    failures: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
    body: fc.constantFrom('ndjson' as const, 'array' as const),
  });
  try {
    await fc.assert(fc.asyncProperty(run, async (plan) => {
      ({ most, failures } = plan);
      requests = 0;
      receiver.taken.length = 0;
      const sink = httpSinkTo(receiver.port, { body: plan.body });
      for (const [number, described] of plan.batches.entries()) {
        const messages = described.map(({ size }, index) => JSON.stringify(`${number} ${index} ${'x'.repeat(size)}`));
        poison = new Set(messages.filter((_, index) => described[index]!.isPoison));
        const before = receiver.taken.length;
        const rejected: string[] = [];
        for (let from = 0; ; ) {
          const delivery = await sink.deliver(rest(messages, from), never());
          assert.notEqual(delivery.outcome, 'sent');
          if (delivery.outcome !== 'delivered' && delivery.outcome !== 'sent') rejected.push(...(delivery.rejections ?? []).map(({ index }) => messages[from + index]!));
          if (delivery.outcome !== 'retryable') break;
          assert.equal(delivery.code, 'HTTP_503');
          from += delivery.deliveredCount ?? 0;
        }
        const isTooLarge = (message: string): boolean => message.length + (plan.body === 'array' ? 2 : 1) > most;
        assert.deepEqual(receiver.taken.slice(before), messages.filter((message) => !poison.has(message) && !isTooLarge(message)));
        assert.deepEqual(rejected, messages.filter((message) => poison.has(message) || isTooLarge(message)));
        // Something that is taken in between: else a hundred refusals would count as the destination's.
        poison = new Set();
        most = Infinity;
        failures = [];
        assert.equal((await sink.deliver(batchOf('lf', ['"good"']), never())).outcome, 'delivered');
        receiver.taken.pop();
        ({ most } = plan);
      }
      await sink.close(never());
    }), { numRuns: 60 });
  } finally {
    await receiver.stop();
  }
});
