/** The known name that a mistyped one most likely meant, or undefined where none is near. */
export function nearest(mistyped: string, known: readonly string[]): string | undefined {
  const plain = plainOf(mistyped);
  const mostEdits = Math.max(1, Math.floor(plain.length / 3));
  let best: string | undefined;
  let bestScore = Infinity;
  for (const name of known) {
    const candidate = plainOf(name);
    const edits = distanceBetween(plain, candidate);
    // Of equally near names the one of the same length: `unti` is `unit` rather than `until`.
    const score = edits + Math.abs(plain.length - candidate.length) / 100;
    if (edits <= mostEdits && score < bestScore) {
      best = name;
      bestScore = score;
    }
  }
  return best ?? known.find((name) => isPartOf(plain, plainOf(name)));
}

/** `follow` means `no-follow`, `error` means `err`. */
function isPartOf(plain: string, candidate: string): boolean {
  return (plain.length >= 4 && candidate.includes(plain)) || (candidate.length >= 3 && plain.startsWith(candidate));
}

/** A clause that names the nearest known one, or the other advice where none is near. */
export function nearestAdvice(mistyped: string, known: readonly string[], otherwise: string): string {
  const name = nearest(mistyped, known);
  return name === undefined ? otherwise : `the nearest known one is ${name}`;
}

/** `stateDir`, `state_dir` and `state-dir` are the same mistake. */
function plainOf(name: string): string {
  return name.toLowerCase().replace(/[-_.]/g, '');
}

/** The edits between two words: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function distanceBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, beforeLast[j - 2]! + 1);
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
