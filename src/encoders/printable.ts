import { isUtf8 } from 'node:buffer';

/** Whether all bytes are ASCII that journalctl prints as it is: LF and 32 to 126. The quick answer for most messages. */
export function isPrintableAscii(text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    if ((byte < 0x20 && byte !== lineFeed) || byte > 0x7e) return false;
  }
  return true;
}

/**
 * Whether journalctl takes these bytes for text (systemd's utf8_is_printable): valid UTF-8 without noncharacters and
 * without controls, C1 included; TAB and LF are allowed.
 */
export function isPrintable(text: Uint8Array): boolean {
  if (!isUtf8(text)) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    if (byte < 0x20 ? byte !== tab && byte !== lineFeed : byte === del) return false;
    if (byte === 0xc2 && (text[i + 1] as number) <= 0x9f) return false;
    if (byte >= 0xef && isNoncharacter(text, i)) return false;
  }
  return true;
}

/**
 * The message as journalctl tidies it before it prints it (systemd 252's strip_tab_ansi): a TAB becomes 8 spaces,
 * colours (`ESC [ digits and ; m`) and operating system commands (`ESC ] printable BEL`) go, and so does CR before LF
 * or at the end. A sequence that is not complete stays.
 */
export function withoutFormatting(message: Uint8Array): Uint8Array {
  if (!hasFormatting(message)) return message;
  const tidy = Buffer.allocUnsafe(message.length + countOf(tab, message) * 7);
  let length = 0;
  let carriageReturns = 0;
  for (let i = 0; i < message.length; i++) {
    const byte = message[i] as number;
    if (byte === carriageReturn) {
      carriageReturns++;
      continue;
    }
    if (byte !== lineFeed) for (; carriageReturns > 0; carriageReturns--) tidy[length++] = carriageReturn;
    carriageReturns = 0;
    if (byte === tab) {
      tidy.fill(space, length, length + 8);
      length += 8;
    } else if (byte !== escape) {
      tidy[length++] = byte;
    } else {
      const end = endOfSequence(message, i);
      if (end !== undefined) {
        i = end;
        continue;
      }
      tidy[length++] = escape;
      // What follows an ESC that begins nothing is not looked at: not even a TAB or another ESC.
      if (i + 1 < message.length) tidy[length++] = message[++i] as number;
    }
  }
  return tidy.subarray(0, length);
}

/** A size as in `[12B blob data]` and `[1.5K blob data]`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let whole = bytes;
  let below = 0;
  while (whole >= 1024 && unit < units.length - 1) {
    below = whole;
    whole = Math.floor(whole / 1024);
    unit++;
  }
  if (unit === 0) return `${bytes}B`;
  return `${whole}.${Math.floor((below * 10) / 1024) % 10}${units[unit]}`;
}

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const escape = 0x1b;
const space = 0x20;
const del = 0x7f;
const bell = 0x07;
const units = ['B', 'K', 'M', 'G', 'T'];

function hasFormatting(message: Uint8Array): boolean {
  return message.includes(escape) || message.includes(tab) || message.includes(carriageReturn);
}

function countOf(wanted: number, text: Uint8Array): number {
  let count = 0;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) count++;
  return count;
}

/** U+FDD0 to U+FDEF and the last two code points of each plane, in valid UTF-8. */
function isNoncharacter(text: Uint8Array, at: number): boolean {
  const second = text[at + 1] as number;
  const third = text[at + 2] as number;
  if (text[at] === 0xef) return (second === 0xbf && third >= 0xbe) || (second === 0xb7 && third >= 0x90 && third <= 0xaf);
  return (second & 0x0f) === 0x0f && third === 0xbf && (text[at + 3] as number) >= 0xbe;
}

/** The offset of the last byte of the sequence that begins at `at`, or undefined where it is not one that is stripped. */
function endOfSequence(message: Uint8Array, at: number): number | undefined {
  const kind = message[at + 1];
  if (kind === 0x5b) {
    for (let i = at + 2; i < message.length; i++) {
      const byte = message[i] as number;
      if (byte === 0x6d) return i;
      // NUL passes, since systemd looks the byte up with strchr, which finds the end of its own list.
      if (byte !== 0 && byte !== 0x3b && (byte < 0x30 || byte > 0x39)) return undefined;
    }
  } else if (kind === 0x5d) {
    for (let i = at + 2; i < message.length; i++) {
      const byte = message[i] as number;
      if (byte === bell) return i;
      if (byte < 0x20 || byte > 0x7e) return undefined;
    }
  }
  return undefined;
}
