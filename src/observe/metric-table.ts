import type { DeadLetterKind } from '../core/dead-letters.js';
import type { DeadLetterCounts } from './counted-dead-letters.js';
import type { DestinationReport } from './destination-report.js';

/** What the metrics are made from. */
export interface Observed {
  readonly destinations: readonly DestinationReport[];
  /** Dead letters that this run has written. */
  readonly deadLetters: DeadLetterCounts;
  readonly build: { readonly version: string; readonly nodeVersion: string };
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric, named and typed by Prometheus' conventions: base units, `_total` for counters, labels that are few. */
export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** One sentence, which is also what docs/metrics.md says of it. */
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (observed: Observed) => readonly Sample[];
}

/** Every metric of our own; those of the process come beside them. Counters count since the program (or, after a SIGHUP, its settings) began. */
export const metricTable: readonly MetricRow[] = [
  counter('entries_read', 'Entries that the source gave, those given again after a break included.', ({ read }) => read),
  counter('entries_filtered', 'Entries that are settled without delivery, since a filter left them out or the format has nothing to say of them; entries that journalctl itself leaves out are never seen.', ({ runCounts }) => runCounts.filtered),
  counter('entries_delivered', 'Entries that the destination has, for TCP and Unix streams: confirmed.', ({ runCounts }) => runCounts.delivered),
  counter('entries_rejected', 'Entries that the destination refused for good, and that went to the dead letters.', ({ runCounts }) => runCounts.rejected),
  counter('delivery_retries', 'Attempts to deliver a batch again.', ({ retries }) => retries),
  counter('sent_batches', 'Batches that were sent, those sent again after a break included.', ({ batches }) => batches),
  counter('sent_bytes', 'Bytes of the batches that were sent, framing included.', ({ bytes }) => bytes),
  gauge('deliveries_in_flight', 'Deliveries that are being attempted, or wait to be attempted again.', ({ inFlight }) => inFlight),
  gauge('unconfirmed_batches', 'Batches that are not settled yet: in flight, or sent and not confirmed.', ({ unconfirmedBatches }) => unconfirmedBatches),
  gauge('unconfirmed_seconds', 'For how long nothing has been confirmed, while something waits to be; 0 if nothing does.', ({ waitingMs }) => waitingMs / 1000),
  gauge('lag_seconds', 'Time between the newest entry that there is to forward and the last one that is settled; 0 if all are, however quiet the journal is.', ({ lagSeconds }) => lagSeconds),
  gauge('destination_up', '1 unless the last attempt to reach the destination failed, or none can be made since the state folder cannot be written.', ({ lastError }) => (lastError === undefined ? 1 : 0)),
  gauge('checkpoint_age_seconds', 'For how long the saved checkpoint has been behind what is settled; 0 if it is not.', ({ unsavedMs }) => unsavedMs / 1000),
  gauge('checkpoint_saved_timestamp_seconds', 'When the checkpoint was saved last; absent until this run has saved it.', ({ savedAtMs }) => (savedAtMs === undefined ? undefined : savedAtMs / 1000)),
  counter('checkpoint_save_failures', 'Attempts to save the checkpoint that failed.', ({ saveFailures }) => saveFailures),
  {
    ...named('reader_restarts_total', 'counter', 'How often journalctl was started again, by reason.'),
    labels: ['destination', 'why'],
    samples: ({ destinations }) => destinations.flatMap(({ name, reader }) => Object.entries(reader.restarts).map(([why, value]) => ({ labels: { destination: name, why }, value }))),
  },
  {
    ...named('gaps_total', 'counter', 'How often entries were missing from what the journal gave, by kind.'),
    labels: ['destination', 'kind'],
    samples: (observed) => gapSamples(observed, 'gaps'),
  },
  {
    ...named('missing_entries_total', 'counter', 'Entries that are missing in those gaps of which the number is known, by kind.'),
    labels: ['destination', 'kind'],
    samples: (observed) => gapSamples(observed, 'missing'),
  },
  {
    ...named('dead_letters_total', 'counter', 'Dead letters that were written, by where they come from, a destination or a source, and by what is wrong with them.'),
    labels: ['from', 'kind'],
    samples: ({ destinations, deadLetters }) => [...new Set([...destinations.map(({ name }) => name), ...deadLetters.keys()])].flatMap((from) => letterSamples(from, deadLetters.get(from))),
  },
  {
    ...named('build_info', 'gauge', 'Always 1; its labels tell the versions of the program and of Node.js.'),
    labels: ['version', 'node_version'],
    samples: ({ build }) => [{ labels: { version: build.version, node_version: build.nodeVersion }, value: 1 }],
  },
];

type OfDestination = (report: DestinationReport) => number | undefined;

function counter(name: string, help: string, value: OfDestination): MetricRow {
  return { ...named(`${name}_total`, 'counter', help), labels: ['destination'], samples: ofDestinations(value) };
}

function gauge(name: string, help: string, value: OfDestination): MetricRow {
  return { ...named(name, 'gauge', help), labels: ['destination'], samples: ofDestinations(value) };
}

function named(name: string, type: MetricRow['type'], help: string): Pick<MetricRow, 'name' | 'type' | 'help'> {
  return { name: `journald_forwarder_${name}`, type, help };
}

function ofDestinations(valueOf: OfDestination): MetricRow['samples'] {
  return ({ destinations }) =>
    destinations.flatMap((report) => {
      const value = valueOf(report);
      return value === undefined ? [] : [{ labels: { destination: report.name }, value }];
    });
}

/** A kind that a destination has not had yet is 0, so that its first increase is seen. */
const LETTER_KINDS: readonly DeadLetterKind[] = ['refused', 'too-large', 'too-old', 'too-new', 'expired', 'malformed', 'unreadable'];

function letterSamples(from: string, counts: ReadonlyMap<DeadLetterKind, number> | undefined): Sample[] {
  return LETTER_KINDS.map((kind) => ({ labels: { from, kind }, value: counts?.get(kind) ?? 0 }));
}

function gapSamples({ destinations }: Observed, what: 'gaps' | 'missing'): Sample[] {
  return destinations.flatMap(({ name, reader }) => Object.entries(reader.gaps).map(([kind, counted]) => ({ labels: { destination: name, kind }, value: counted[what] })));
}
