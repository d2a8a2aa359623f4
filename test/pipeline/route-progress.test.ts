import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CheckpointStore } from '../../src/core/checkpoint.js';
import type { Cursor } from '../../src/core/entry.js';
import type { Batch, Delivery, Sink } from '../../src/core/sink.js';
import type { Chunk, Source } from '../../src/core/source.js';
import { Route } from '../../src/pipeline/route.js';
import { entryOf } from '../support/entry.js';
import { eventually } from '../support/eventually.js';
import { RecordedLogger } from '../support/recorded-logger.js';

const ATTEMPT_TIMEOUT_MS = 60;
const stuckAttempt = 'an attempt to deliver has not ended within 0.06 s';

describe('the progress of a route', { timeout: 30_000 }, () => {
  it('makes it ready when the first attempt has ended, and no sooner', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      const attempt = await sink.next();
      assert.equal(route.progress().isReady, false);
      attempt({ outcome: 'delivered' });
      await eventually(() => route.progress().isReady, (isReady) => isReady);
    });
  });

  it('makes it ready when the first attempt has failed', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      (await sink.next())(refused);
      await eventually(() => route.progress(), ({ isReady }) => isReady);
      assert.equal(route.status().state, 'retrying');
    });
  });

  it('makes it ready when the source has nothing to give, and idle', async () => {
    await running([], async ({ route }) => {
      assert.deepEqual(route.progress(), { label: 'tcp://loghost:514', isReady: false, isIdle: false, stuck: undefined });
      assert.equal((await eventually(() => route.progress(), ({ isReady }) => isReady)).isIdle, true);
    });
  });

  it('makes it ready when the receiver has taken the connection and does not read', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      await sink.next();
      sink.isHeldUp = true;
      assert.equal(route.progress().isReady, true);
    });
  });

  it('is not idle while something is unconfirmed', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      let confirm: (isConfirmed: boolean) => void = () => undefined;
      (await sink.next())({ outcome: 'sent', confirmed: new Promise((resolve) => (confirm = resolve)) });
      await passed(1100);
      assert.equal(route.progress().isIdle, false);
      confirm(true);
      await eventually(() => route.progress().isIdle, (isIdle) => isIdle);
    });
  });

  it('is stuck when an attempt takes longer than it can, until it ends', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      const attempt = await sink.next();
      assert.equal(route.progress().stuck, undefined);
      assert.equal(await eventually(() => route.progress().stuck, (stuck) => stuck !== undefined), stuckAttempt);
      attempt({ outcome: 'delivered' });
      await eventually(() => route.progress().stuck, (stuck) => stuck === undefined);
    });
  });

  it('is not stuck while the receiver holds an attempt up, however long', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      await sink.next();
      sink.isHeldUp = true;
      await passed(ATTEMPT_TIMEOUT_MS * 3);
      assert.equal(route.progress().stuck, undefined);
      sink.isHeldUp = false;
      assert.equal(route.progress().stuck, undefined); // Its time begins anew.
      await eventually(() => route.progress().stuck, (stuck) => stuck === stuckAttempt);
    });
  });

  it('is not stuck in a pause between attempts, nor while nothing is confirmed, nor while the source is silent', async () => {
    await running([oneEntry], async ({ route, sink }) => {
      (await sink.next())({ ...refused, retryAfterMs: ATTEMPT_TIMEOUT_MS * 4 });
      await passed(ATTEMPT_TIMEOUT_MS * 3);
      assert.equal(route.progress().stuck, undefined);
      let confirm: (isConfirmed: boolean) => void = () => undefined;
      (await sink.next())({ outcome: 'sent', confirmed: new Promise((resolve) => (confirm = resolve)) });
      await passed(ATTEMPT_TIMEOUT_MS * 3);
      assert.equal(route.progress().stuck, undefined);
      confirm(true);
    });
  });

  it('is stuck when it does not end after it was told to end at once', async () => {
    await running([oneEntry], async ({ route, sink, abort }) => {
      const attempt = await sink.next();
      sink.isHeldUp = true;
      route.progress();
      sink.isHeldUp = false;
      abort.abort();
      assert.equal(await eventually(() => route.progress().stuck, (stuck) => stuck !== undefined), stuckAttempt);
      sink.hangsAtClose = true;
      attempt(refused);
      assert.equal(await eventually(() => route.progress().stuck, (stuck) => stuck !== stuckAttempt), 'it has not stopped within 0.06 s');
      sink.hangsAtClose = false;
    });
  });

  it('is not stuck once it has stopped', async () => {
    const { route, stopped } = await running([oneEntry], async ({ sink, abort }) => {
      (await sink.next())(refused);
      abort.abort();
    });
    await stopped;
    await passed(ATTEMPT_TIMEOUT_MS * 2);
    assert.equal(route.progress().stuck, undefined);
  });
});

const oneEntry: Chunk = { entries: [entryOf({ MESSAGE: 'one' }, { cursor: 'n=1', timestamp: 1 })] };
const refused: Extract<Delivery, { outcome: 'retryable' }> = { outcome: 'retryable', code: 'ECONNREFUSED', reason: 'the connection was refused' };

interface Run {
  readonly route: Route;
  readonly sink: HeldSink;
  readonly abort: AbortController;
  readonly stopped: Promise<void>;
}

/** A route over a source that gives these chunks and then waits, for as long as `use` takes. */
async function running(chunks: readonly Chunk[], use: (run: Run) => Promise<void>): Promise<Run> {
  const sink = new HeldSink();
  const abort = new AbortController();
  const route = new Route({
    name: 'loghost',
    label: 'tcp://loghost:514',
    source: sourceOf(chunks),
    accepts: () => true,
    encoder: { fields: undefined, encode: (entry, out) => (out.text(String(entry.get('MESSAGE'))), true) },
    sink,
    checkpoints: nowhere,
    deadLetters: { write: () => Promise.resolve() },
    logger: new RecordedLogger(),
  });
  const stopped = route.run(abort.signal, abort.signal);
  const run = { route, sink, abort, stopped };
  try {
    await use(run);
  } finally {
    abort.abort();
    sink.endAll();
    await stopped;
  }
  return run;
}

/** Deliveries end when the test says so, whatever is aborted. */
class HeldSink implements Sink {
  readonly framing = 'lf';
  readonly limits = { maxMessages: 10, maxBytes: 1000, maxInFlight: 1, maxAgeMs: 0 };
  readonly attemptTimeoutMs = ATTEMPT_TIMEOUT_MS;
  isHeldUp = false;
  hangsAtClose = false;
  readonly #attempts: ((delivery: Delivery) => void)[] = [];
  #taken = 0;

  deliver(_batch: Batch): Promise<Delivery> {
    return new Promise((resolve) => this.#attempts.push(resolve));
  }

  /** What ends the next attempt, once it has begun. */
  async next(): Promise<(delivery: Delivery) => void> {
    await eventually(() => this.#attempts.length, (length) => length > this.#taken);
    return this.#attempts[this.#taken++]!;
  }

  endAll(): void {
    for (const end of this.#attempts) end(refused);
  }

  async close(): Promise<void> {
    await eventually(() => this.hangsAtClose, (hangs) => !hangs);
  }

  probe(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

function sourceOf(chunks: readonly Chunk[]): Source {
  return {
    async *read(_after, signal) {
      yield* chunks;
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
}

const nowhere: CheckpointStore = {
  load: () => Promise.resolve({ position: { cursor: 'n=0' as Cursor, timestamp: 0 }, counts: { delivered: 0, filtered: 0, rejected: 0 } }),
  save: () => Promise.resolve(),
};

/** That something does not come about can only be seen once its time has passed. */
function passed(ms: number): Promise<unknown> {
  const startMs = performance.now();
  return eventually(() => performance.now() - startMs, (elapsedMs) => elapsedMs > ms);
}
