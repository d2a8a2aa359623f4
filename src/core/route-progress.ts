/** How a route gets on, for what supervises the process. */
export interface RouteProgress {
  readonly label: string;
  /** True from the destination's first answer or first failure on, or from when there was nothing to send it. */
  readonly isReady: boolean;
  /** Everything read is settled, and the source has had nothing to give for a second. */
  readonly isIdle: boolean;
  /** What does not go on though nothing outside this process holds it up, as one clause; undefined while all is well. */
  readonly stuck: string | undefined;
}
