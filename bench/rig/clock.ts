/** Milliseconds of the machine's monotonic clock, which all processes share (that of `performance.now` begins with each process). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
