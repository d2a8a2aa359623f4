import type { Entry, FieldValue } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import type { Gap } from '../../core/reader-events.js';

/** The MESSAGE_ID of an entry that tells of a gap; documented in docs/reading.md. */
export const GAP_MESSAGE_ID = '46edff7ae1a848ce90a0fda528295c75';

/**
 * A gap as an entry of its own in the stream. It stands where the entry before it stands, so that reading goes on
 * there; but it has no `__CURSOR` field, because a receiver that drops duplicates by cursor would drop it.
 */
export function gapEntry(gap: Gap, at: Position, hostname: string): Entry {
  const fields = new Map<string, string>([
    ['__REALTIME_TIMESTAMP', String(at.timestamp)],
    ['_HOSTNAME', hostname],
    ['MESSAGE', gap.explanation],
    ['MESSAGE_ID', GAP_MESSAGE_ID],
    ['PRIORITY', '4'],
    ['SYSLOG_IDENTIFIER', 'journald-forwarder'],
    ['JOURNALD_FORWARDER_GAP_KIND', gap.kind],
    ...(gap.count === undefined ? [] : [['JOURNALD_FORWARDER_GAP_COUNT', String(gap.count)] as const]),
    ...(gap.afterUs === undefined ? [] : [['JOURNALD_FORWARDER_GAP_AFTER', String(gap.afterUs)] as const]),
  ]);
  return {
    cursor: at.cursor,
    timestamp: at.timestamp,
    get: (name): FieldValue | undefined => fields.get(name),
    bytes: (name) => {
      const value = fields.get(name);
      return value === undefined ? undefined : Buffer.from(value);
    },
    names: () => fields.keys(),
  };
}

/** Whether an entry tells of a gap. No entry that anybody wrote looks like it: the journal gives each a cursor. */
export function isGap(entry: Entry): boolean {
  return entry.get('MESSAGE_ID') === GAP_MESSAGE_ID && entry.bytes('__CURSOR') === undefined;
}
