import type { Cursor } from '../../src/core/entry.js';
import type { RouteStatus } from '../../src/core/route-status.js';
import type { DestinationReport } from '../../src/observe/destination-report.js';
import { ReaderCounts } from '../../src/observe/reader-counts.js';

/** A route that has read and delivered everything up to 19:00:10 on 3 November 2020. */
export function routeStatus(more: Partial<RouteStatus> = {}): RouteStatus {
  return {
    name: 'there',
    label: 'tcp://there:514',
    state: 'forwarding',
    position: { cursor: 'c' as Cursor, timestamp: 1604430010000000 },
    firstRead: 1604430000000000,
    lastRead: 1604430010000000,
    read: 5000,
    counts: { delivered: 4990, filtered: 9, rejected: 1 },
    runCounts: { delivered: 990, filtered: 9, rejected: 1 },
    perSecond: 12.5,
    batches: 7,
    bytes: 700_000,
    inFlight: 1,
    unconfirmedBatches: 3,
    waitingMs: 200,
    retries: 0,
    lastError: undefined,
    sourceError: undefined,
    savedAtMs: 1604430010500,
    unsavedMs: 0,
    saveFailures: 0,
    checkpointError: undefined,
    ...more,
  };
}

/** The same with all that there is to see of it, its reader having had nothing to report. */
export function destinationReport(more: Partial<DestinationReport> = {}): DestinationReport {
  return { ...routeStatus(), lagSeconds: 0, reader: new ReaderCounts().report(), ...more };
}
