import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { register } from 'prom-client';
import type { Observed } from '../../src/observe/metric-table.js';
import { Metrics } from '../../src/observe/metrics.js';
import { ReaderCounts } from '../../src/observe/reader-counts.js';
import { parseExposition, valueOf } from '../support/exposition.js';
import { destinationReport } from '../support/route-status.js';
import { metricsMarkdown, metricsPage } from './metrics-markdown.js';

const build = { version: '1.2.3', nodeVersion: 'v20.18.0' };

describe('the metrics', () => {
  it('are what each destination reports, under its name', async () => {
    const reader = new ReaderCounts();
    reader.restarted('jump');
    reader.restarted('jump');
    reader.gap({ kind: 'vacuum', count: 30, afterUs: undefined, explanation: '' });
    reader.gap({ kind: 'vacuum', count: undefined, afterUs: undefined, explanation: '' });
    const there = destinationReport({ retries: 4, lagSeconds: 2.5, waitingMs: 1500, unsavedMs: 250, saveFailures: 5, reader: reader.report() });
    const down = destinationReport({ name: 'down', state: 'retrying', lastError: 'connection refused', savedAtMs: undefined });
    const families = await scrape({ destinations: [there, down], deadLetters: new Map([['stdin', new Map([['malformed', 3]] as const)]]), build });
    const of = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => valueOf(families, `journald_forwarder_${name}`, { destination: 'there', ...labels });
    assert.deepEqual(
      {
        read: of('entries_read_total'), filtered: of('entries_filtered_total'), delivered: of('entries_delivered_total'), rejected: of('entries_rejected_total'),
        retries: of('delivery_retries_total'), batches: of('sent_batches_total'), bytes: of('sent_bytes_total'),
        inFlight: of('deliveries_in_flight'), unconfirmed: of('unconfirmed_batches'), waiting: of('unconfirmed_seconds'),
        lag: of('lag_seconds'), up: of('destination_up'), age: of('checkpoint_age_seconds'), saved: of('checkpoint_saved_timestamp_seconds'), saveFailures: of('checkpoint_save_failures_total'),
        jumps: of('reader_restarts_total', { why: 'jump' }), exits: of('reader_restarts_total', { why: 'exited' }),
        vacuums: of('gaps_total', { kind: 'vacuum' }), vacuumed: of('missing_entries_total', { kind: 'vacuum' }), poison: of('gaps_total', { kind: 'poison' }),
      },
      {
        read: 5000, filtered: 9, delivered: 990, rejected: 1, retries: 4, batches: 7, bytes: 700_000, inFlight: 1, unconfirmed: 3, waiting: 1.5,
        lag: 2.5, up: 1, age: 0.25, saved: 1604430010.5, saveFailures: 5, jumps: 2, exits: 0, vacuums: 2, vacuumed: 30, poison: 0,
      },
    );
    assert.deepEqual([of('destination_up', { destination: 'down' }), of('checkpoint_saved_timestamp_seconds', { destination: 'down' })], [0, undefined]);
    assert.deepEqual(['there', 'down', 'stdin'].map((from) => valueOf(families, 'journald_forwarder_dead_letters_total', { from, kind: 'malformed' })), [0, 0, 3]);
    assert.equal(valueOf(families, 'journald_forwarder_build_info', { version: '1.2.3', node_version: 'v20.18.0' }), 1);
  });

  it('follow what is observed, destinations that are gone included', async () => {
    let destinations = [destinationReport(), destinationReport({ name: 'other' })];
    const metrics = new Metrics(() => Promise.resolve({ destinations, deadLetters: new Map(), build }));
    await metrics.text();
    destinations = [destinationReport({ read: 5001 })];
    const families = parseExposition(await metrics.text());
    assert.deepEqual(families.get('journald_forwarder_entries_read_total')!.samples.map(({ value }) => value), [5001]);
  });

  it('have no more labels for a reason that nobody knows than one', async () => {
    const reader = new ReaderCounts();
    for (let number = 0; number < 100; number++) reader.restarted(`reason ${number}`);
    const families = await scrape({ destinations: [destinationReport({ reader: reader.report() })], deadLetters: new Map(), build });
    assert.equal(valueOf(families, 'journald_forwarder_reader_restarts_total', { why: 'other' }), 100);
    assert.equal(families.get('journald_forwarder_reader_restarts_total')!.samples.length, 11);
  });

  it('keep to Prometheus\' conventions: prefix, base units, _total for counters alone, one sentence of help', async () => {
    const families = await scrape({ destinations: [destinationReport()], deadLetters: new Map(), build });
    const own = [...families.values()].filter(({ name }) => name.startsWith('journald_forwarder_'));
    assert.ok(own.length >= 20);
    for (const { name, type, help, samples } of own) {
      assert.match(name, /^[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.doesNotMatch(name, /_(ms|milliseconds|microseconds|minutes|kilobytes|kib|mib|percent|count|sum|bucket)(_|$)/);
      assert.match(help, /^[A-Z0-9].*\.$/);
      assert.ok(samples.length > 0, `${name} has a series from the start`);
    }
    const others = [...families.keys()].filter((name) => !name.startsWith('journald_forwarder_'));
    assert.deepEqual(others.filter((name) => !/^(process|nodejs)_/.test(name)), []);
    assert.ok(others.includes('process_resident_memory_bytes'));
  });

  it('leave prom-client\'s global registry alone, and share the collectors of the process', () => {
    const observe = (): Promise<Observed> => Promise.resolve({ destinations: [], deadLetters: new Map(), build });
    assert.deepEqual(new Metrics(observe).names(), new Metrics(observe).names());
    assert.deepEqual(register.getMetricsAsArray(), []);
  });
});

describe('docs/metrics.md', () => {
  it('shows every metric as it is served (npx tsx test/observe/metrics-markdown.ts writes them)', async () => {
    assert.equal(metricsPage(), await metricsMarkdown());
  });

  it('names in its prose and its alerts only metrics that there are', () => {
    const names = new Set(new Metrics(() => Promise.reject(new Error())).names());
    const named = [...metricsPage().matchAll(/\bjournald_forwarder_[a-z_]+/g)].map(([name]) => name);
    assert.deepEqual(named.filter((name) => !names.has(name)), []);
  });
});

async function scrape(observed: Observed): Promise<ReturnType<typeof parseExposition>> {
  return parseExposition(await new Metrics(() => Promise.resolve(observed)).text());
}
