import type { RouteStatus } from '../core/route-status.js';
import type { ReaderReport } from './reader-counts.js';

/** All that there is to see of one destination, as `status` and the metrics show it. Holds no secret, and survives JSON. */
export interface DestinationReport extends RouteStatus {
  /** How far what is settled is behind the newest entry there is; 0 where all is settled. */
  readonly lagSeconds: number;
  readonly reader: ReaderReport;
}
