/** What a message ends with, so that a receiver sees what is missing, repeated or cut: `~Q000000123~`. */
export function markOf(number: number): string {
  return `~Q${String(number).padStart(9, '0')}~`;
}
