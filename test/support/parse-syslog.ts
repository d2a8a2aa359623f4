import { isUtf8 } from 'node:buffer';

export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  /** As it stands in the message. */
  readonly timestamp: string;
  readonly hostname: string | undefined;
  readonly appName: string | undefined;
  readonly procId: string | undefined;
  readonly message: Buffer;
}

export interface Rfc5424Message extends SyslogMessage {
  readonly msgId: string | undefined;
  readonly elements: readonly { readonly id: string; readonly parameters: readonly (readonly [name: string, value: string])[] }[];
}

/** Reads a message by the letter of RFC 5424 section 6, and throws at whatever the grammar does not allow. */
export function parseRfc5424(message: Uint8Array): Rfc5424Message {
  const scan = new Scanner(message);
  const priority = scan.priority();
  scan.take(/1 /y, 'VERSION');
  const timestamp = scan.take(/(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})) /y, 'TIMESTAMP');
  const hostname = scan.orNil(/([!-~]{1,255}) /y, 'HOSTNAME');
  const appName = scan.orNil(/([!-~]{1,48}) /y, 'APP-NAME');
  const procId = scan.orNil(/([!-~]{1,128}) /y, 'PROCID');
  const msgId = scan.orNil(/([!-~]{1,32}) /y, 'MSGID');
  const elements: { id: string; parameters: (readonly [string, string])[] }[] = [];
  if (!scan.skip('-')) {
    do elements.push(element(scan));
    while (scan.peek() === '[');
  }
  if (elements.length !== new Set(elements.map(({ id }) => id)).size) throw new Error('an SD-ID occurs twice');
  if (!scan.atEnd()) scan.take(/ /y, 'SP before MSG');
  const rest = scan.rest();
  const hasBom = rest.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
  if (hasBom && !isUtf8(rest)) throw new Error('a MSG with BOM is not UTF-8');
  return { ...priority, timestamp, hostname, appName, procId, msgId, elements, message: hasBom ? rest.subarray(3) : rest };
}

/** Reads a message as RFC 3164 section 4.1 describes it, the tag with rsyslog's larger alphabet. */
export function parseRfc3164(message: Uint8Array): SyslogMessage {
  const scan = new Scanner(message);
  const priority = scan.priority();
  const timestamp = scan.take(/((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?: [1-9]|[12]\d|3[01]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d) /y, 'TIMESTAMP');
  const hostname = scan.orNil(/([A-Za-z0-9._-]{1,255}) /y, 'HOSTNAME');
  const appName = scan.take(/([!-9;-Z\\^-~]{1,32})/y, 'TAG');
  const procId = scan.peek() === '[' ? scan.take(/\[([!-9;-Z\\^-~]{1,32})\]/y, 'pid') : undefined;
  scan.take(/: /y, 'colon and space');
  return { ...priority, timestamp, hostname, appName, procId, message: scan.rest() };
}

class Scanner {
  readonly #bytes: Buffer;
  readonly #text: string;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
    this.#text = this.#bytes.toString('latin1');
  }

  priority(): { facility: number; severity: number } {
    const value = Number(this.take(/<(0|[1-9]\d{0,2})>/y, 'PRI'));
    if (value > 191) throw new Error(`PRI ${value} is over 191`);
    return { facility: Math.trunc(value / 8), severity: value % 8 };
  }

  take(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new Error(`no ${what} at byte ${this.#at} of ${JSON.stringify(this.#text)}`);
    this.#at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  orNil(pattern: RegExp, what: string): string | undefined {
    const value = this.take(pattern, what);
    return value === '-' ? undefined : value;
  }

  skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  peek(): string | undefined {
    return this.#text[this.#at];
  }

  atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

function element(scan: Scanner): { id: string; parameters: (readonly [string, string])[] } {
  const id = scan.take(/\[((?:[!#-<>-\\^-~]){1,32})/y, 'SD-ID');
  const parameters: (readonly [string, string])[] = [];
  while (!scan.skip(']')) {
    const name = scan.take(/ ((?:[!#-<>-\\^-~]){1,32})="/y, 'PARAM-NAME');
    // A backslash before any other character is an ordinary one (section 6.3.3).
    const raw = Buffer.from(scan.take(/((?:[^"\\\]]|\\[^])*)"/y, 'PARAM-VALUE'), 'latin1');
    if (!isUtf8(raw)) throw new Error(`the value of ${name} is not UTF-8`);
    parameters.push([name, raw.toString('utf8').replace(/\\(["\\\]])/g, '$1')]);
  }
  return { id, parameters };
}
