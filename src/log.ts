import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import type * as winstonModule from 'winston';
import type { LogFields, Logger } from './core/logger.js';

export interface LogOptions {
  /** The least severe level that is written. */
  readonly level: Level;
  readonly format: 'text' | 'json';
  /** Where lines go: stderr. */
  readonly output: Writable;
  /**
   * True where `output` leads to journald: each line then begins with its priority, `<3>` to `<7>` (sd-daemon(3)),
   * which journald takes off again, and has no time, which journald adds.
   */
  readonly journal: boolean;
}

/**
 * The program's own log, one line a call, written before the call returns. It never throws: lines that a slow
 * `output` cannot take are left out, and counted in the next one that is written; an `output` that has failed or was
 * closed gets no more. (Node writes to a stderr that is a pipe or a socket at once, and waits there itself.)
 */
export function createLog({ level, format, output, journal }: LogOptions): Logger {
  const threshold = SEVERITIES[level];
  const lines = lossyLines(output, (count) => lineOf('warn', 'our log could not keep up', { linesLeftOut: count }));
  let winston: winstonModule.Logger | undefined;

  function lineOf(lineLevel: Level, message: string, fields: LogFields | undefined): string {
    const time = journal ? undefined : new Date().toISOString();
    const line = format === 'json' ? jsonLine(time, lineLevel, message, fields) : textLine(time, lineLevel, message, fields, journal);
    return journal ? `<${SEVERITIES[lineLevel]}>${line}` : line;
  }

  const write = (lineLevel: Level) => (message: string, fields?: LogFields) => {
    if (SEVERITIES[lineLevel] > threshold) return;
    try {
      winston ??= loadWinston(level, lines, lineOf);
      winston.log({ level: lineLevel, message, fields });
    } catch {
      // Loading can fail when we run out of file descriptors, and that is the moment when a log is needed most.
      lines.write(`${lineOf(lineLevel, message, fields)}\n`);
    }
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/**
 * Whether stderr leads to journald: `$JOURNAL_STREAM` holds the device and inode of the socket that systemd made
 * (systemd.exec(5)), and a variable that was merely inherited differs from what file descriptor 2 is now.
 */
export function stderrIsJournal(
  journalStreamVariable: string | undefined,
  statOf2: { readonly dev: number | bigint; readonly ino: number | bigint } | undefined,
): boolean {
  return statOf2 !== undefined && journalStreamVariable === `${statOf2.dev}:${statOf2.ino}`;
}

/**
 * A log that writes the same message at the same level at most once in `intervalMs`, however its fields differ; the
 * next one that is written says in `repeated` how many were held back. Give it to what may fail with every entry.
 */
export function limitRepeats(log: Logger, { intervalMs, nowMs }: { readonly intervalMs: number; readonly nowMs: () => number }): Logger {
  const seen = new Map<string, { untilMs: number; heldBack: number }>();
  const limit = (level: Level) => (message: string, fields?: LogFields) => {
    const key = `${level} ${message}`;
    const last = seen.get(key);
    if (last !== undefined && nowMs() < last.untilMs) {
      last.heldBack++;
      return;
    }
    seen.delete(key);
    if (seen.size >= MAX_REMEMBERED) seen.delete(seen.keys().next().value as string);
    seen.set(key, { untilMs: nowMs() + intervalMs, heldBack: 0 });
    log[level](message, last !== undefined && last.heldBack > 0 ? { ...fields, repeated: last.heldBack } : fields);
  };
  return { debug: limit('debug'), info: limit('info'), warn: limit('warn'), error: limit('error') };
}

type Level = keyof Logger;

/** Syslog's severities, which are sd-daemon's prefixes too. */
const SEVERITIES = { error: 3, warn: 4, info: 6, debug: 7 } as const satisfies Record<Level, number>;
const MAX_REMEMBERED = 1_000;
/** How much may wait for a slow `output`. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Of a message and of each value: a line then stays below the 48 KiB at which journald splits it. */
const MAX_TEXT_LENGTH = 4_096;

/** Loaded with the first line: importing winston takes about 35 ms, nearly as long as Node itself needs to start. */
function loadWinston(level: Level, lines: Writable, lineOf: (level: Level, message: string, fields: LogFields | undefined) => string): winstonModule.Logger {
  const { createLogger, format, transports } = createRequire(import.meta.url)('winston') as typeof winstonModule;
  return createLogger({
    levels: SEVERITIES,
    level,
    format: format.printf((info) => lineOf(info.level as Level, info.message as string, info['fields'] as LogFields | undefined)),
    transports: [new transports.Stream({ stream: lines, eol: '\n' })],
  });
}

/** A stream of lines before `output` that fails in silence and drops lines, whole ones, rather than memory's bounds. */
function lossyLines(output: Writable, notice: (count: number) => string): Writable {
  let leftOut = 0;
  let open = true;
  output.on('error', () => (open = false));
  output.on('close', () => (open = false));
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      if (!open || !output.writable) return done();
      if (output.writableLength > MAX_WAITING_BYTES) {
        leftOut++;
        return done();
      }
      output.write(leftOut === 0 ? line : `${notice(leftOut)}\n${line}`);
      leftOut = 0;
      done();
    },
  });
}

function jsonLine(time: string | undefined, level: Level, message: string, fields: LogFields | undefined): string {
  // What has no value leaves no key; ours stand first, and win.
  return JSON.stringify({ time, level, message, ...fields, ...(fields && { ...(time !== undefined && { time }), level, message }) });
}

function textLine(time: string | undefined, level: Level, message: string, fields: LogFields | undefined, journal: boolean): string {
  let line = journal ? visible(message) : `${time} ${level.toUpperCase().padEnd(5)} ${visible(message)}`;
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value !== undefined) line += ` ${name}=${typeof value === 'string' ? quoted(value) : value}`;
  }
  return line;
}

function quoted(value: string): string {
  const text = visible(value);
  return /^[^\s"=\\]+$/.test(text) ? text : `"${visible(value.replace(/["\\]/g, '\\$&'))}"`;
}

/** One line that does to a terminal what it says: control characters, which an entry may bring along, are escaped. */
function visible(text: string): string {
  const short = text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH)}...`;
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => (c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`));
}
