/** What the sink's process is told: to receive a contestant's entries, or to stop doing so. */
export type SinkRequest = { readonly open: SinkOptions } | { readonly close: true };

export interface SinkOptions {
  /** `cloudwatch` is the strict local service of the tests; its group and streams are made by whom needs them. */
  readonly protocol: 'tcp' | 'http' | 'cloudwatch';
  /** How many marks there are, from 0 on. */
  readonly expected: number;
  /** Reads nothing for so long, once so many bytes have come. */
  readonly stall?: { readonly afterBytes: number; readonly ms: number };
  /** How long nothing may come, once something has, before it counts as all that comes. */
  readonly idleMs: number;
}

/** What it answers: its port; that everything came, or that nothing more does; what it counted. */
export type SinkReply = { readonly port: number } | { readonly settled: 'complete' | 'idle' } | { readonly counts: SinkCounts };

export interface SinkCounts {
  readonly unique: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly unexpected: number;
  readonly bytes: number;
  /** On the monotonic clock; absent where nothing came. */
  readonly firstMs?: number;
  /** When the last mark that was missing came, else the last byte. */
  readonly lastMs?: number;
  /** Of this process, since `open`. */
  readonly cpuSeconds: number;
  /** From 0 to 1: how full batches to CloudWatch Logs were on average. */
  readonly meanFill?: number;
}
