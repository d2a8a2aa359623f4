/** What tells one entry from another, whether it was read from the journal or from a message: its time and its bytes. */
export function keyOf(micros: bigint, message: Uint8Array): string {
  return `${micros} ${Buffer.from(message).toString('latin1')}`;
}

export interface Comparison {
  readonly sentCount: number;
  readonly receivedCount: number;
  readonly missingCount: number;
  readonly duplicateCount: number;
  /** Messages that no entry accounts for. */
  readonly strangeCount: number;
  readonly inOrder: boolean;
  /** True if there was something to send and all of it arrived, once and in order. */
  readonly isEqual: boolean;
}

/** Compares what was sent with what was received, by key. A key that was sent twice has to come twice. */
export function compare(sent: readonly string[], received: readonly string[]): Comparison {
  const open = new Map<string, number>();
  for (const key of sent) open.set(key, (open.get(key) ?? 0) + 1);
  let missingCount = sent.length;
  let duplicateCount = 0;
  let strangeCount = 0;
  const firsts: string[] = [];
  for (const key of received) {
    const left = open.get(key);
    if (left === undefined) strangeCount++;
    else if (left === 0) duplicateCount++;
    else {
      open.set(key, left - 1);
      missingCount--;
      firsts.push(key);
    }
  }
  const inOrder = isSubsequence(firsts, sent);
  return {
    sentCount: sent.length,
    receivedCount: received.length,
    missingCount,
    duplicateCount,
    strangeCount,
    inOrder,
    isEqual: sent.length > 0 && missingCount + duplicateCount + strangeCount === 0 && inOrder,
  };
}

/** The comparison as lines for a person. */
export function summaryOf({ sentCount, receivedCount, missingCount, duplicateCount, strangeCount, inOrder, isEqual }: Comparison): string[] {
  return [
    `sent        ${sentCount}`,
    `received    ${receivedCount}`,
    `missing     ${missingCount}`,
    `duplicates  ${duplicateCount}`,
    ...(strangeCount > 0 ? [`not as sent ${strangeCount}`] : []),
    `order       ${inOrder ? 'kept' : 'not kept'}`,
    '',
    sentCount === 0 ? 'There was nothing to send.' : isEqual ? 'Everything arrived, once and in order.' : 'What arrived differs from what was sent.',
  ];
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const key of part) {
    at = whole.indexOf(key, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
