import { isUtf8 } from 'node:buffer';

/**
 * Bytes as one line of text: control characters, invisible direction marks and bytes that are not UTF-8 are escaped
 * as in a program (`\n`, `\u001b`, `\xff`). For the eye only, since a backslash in the bytes looks the same.
 */
export function visible(bytes: Buffer): string {
  return isUtf8(bytes)
    ? bytes.toString('utf8').replace(INVISIBLE, escapeCharacter)
    : bytes.toString('latin1').replace(NOT_ASCII, escapeByte).replace(INVISIBLE, escapeCharacter);
}

/** C0, DEL, C1; line and paragraph separators; marks that change the direction of text; the byte order mark. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const NOT_ASCII = /[\u0080-\u00ff]/g;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  return NAMED[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function escapeByte(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16)}`;
}
