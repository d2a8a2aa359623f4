import type { Entry } from '../../core/entry.js';
import { isCursor } from '../../formats/cursor.js';
import { ExportReader } from '../../formats/export.js';
import type { GatewayAnswer } from './client.js';

/** What stands in an answer where an entry should. */
export interface Malformed {
  readonly reason: string;
  readonly content: Uint8Array;
}

/**
 * An answer's entries, in runs of those that one read completed. An entry without its end is not given: the answer
 * broke within it. `onMalformed` is called after the entries before it were given, and awaited before those after it
 * are; what it throws ends the reading.
 */
export async function* runsOf(answer: GatewayAnswer, onMalformed: (malformed: Malformed) => Promise<void> | undefined): AsyncGenerator<readonly Entry[], void> {
  const found: (Malformed & { readonly number: number })[] = [];
  const reader = new ExportReader({ onMalformed: (reason, content, number) => found.push({ reason, content, number }) });
  /** How many entries, malformed ones included, came before. */
  let passed = 0;
  for await (const bytes of answer.bytes) {
    let rest: readonly Entry[] = reader.push(bytes);
    for (const malformed of found.splice(0)) {
      const before = rest.slice(0, malformed.number - 1 - passed);
      if (before.length > 0) yield* addressed(before, onMalformed);
      rest = rest.slice(before.length);
      passed = malformed.number;
      await onMalformed(malformed);
    }
    passed += rest.length;
    if (rest.length > 0) yield* addressed(rest, onMalformed);
  }
}

/** The entries that the journal can have given: without a cursor there is no going on from one. */
async function* addressed(entries: readonly Entry[], onMalformed: (malformed: Malformed) => Promise<void> | undefined): AsyncGenerator<readonly Entry[], void> {
  let from = 0;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    if (isCursor(entry.cursor) && entry.timestamp > 0) continue;
    if (at > from) yield entries.slice(from, at);
    from = at + 1;
    const lines = [...entry.names()].map((name) => Buffer.concat([Buffer.from(`${name}=`), entry.bytes(name)!, Buffer.from('\n')]));
    await onMalformed({ reason: 'an entry without a cursor or a time', content: Buffer.concat(lines) });
  }
  if (from === 0) yield entries;
  else if (from < entries.length) yield entries.slice(from);
}
