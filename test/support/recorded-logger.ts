import type { LogFields, Logger } from '../../src/core/logger.js';

/** A logger that keeps its lines, `level: message`, and tells of each. */
export class RecordedLogger implements Logger {
  readonly lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  debug(message: string, _fields?: LogFields): void {
    this.#note('debug', message);
  }

  info(message: string, _fields?: LogFields): void {
    this.#note('info', message);
  }

  warn(message: string, _fields?: LogFields): void {
    this.#note('warn', message);
  }

  error(message: string, _fields?: LogFields): void {
    this.#note('error', message);
  }

  /** Resolves to the first line that matches, once there is one. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((candidate) => pattern.test(candidate));
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #note(level: string, message: string): void {
    this.lines.push(`${level}: ${message}`);
    for (const tell of [...this.#waiting]) tell();
    this.#waiting.clear();
  }
}
