/** Details of a log line; never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The program's own log. WARN means that nothing was lost but something is degraded; ERROR means that an entry was
 * set aside or that an operator must act.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
