import type { ByteWriter } from '../core/byte-writer.js';
import type { Encoder } from '../core/encoder.js';
import type { Entry, FieldValue } from '../core/entry.js';
import { appendCopy } from './copier.js';
import { JsonCopier } from './json-copy.js';
import { FieldSelector, type Fields, type FieldSelection } from './json-fields.js';
import { shrunk } from './json-shrink.js';
import type { Member } from './json-shrink.js';
import { writeBase64, writeText } from './json-value.js';

/**
 * One JSON object with all the fields of the entry under the journal's own names, address fields included, unless
 * something else is selected. A value is
 * a string, or an array of strings where the field was set more than once.
 *
 * Of a field with bytes that are not valid UTF-8, `NAME_BASE64` has the exact bytes (of all its values, where it has
 * several), and NAME the text with U+FFFD. A field of the entry's own that is called so gets out of the way as
 * `user_NAME_BASE64`; no name occurs twice. What goes where the limit does not hold everything: see json-shrink.ts.
 */
export class JsonEncoder implements Encoder {
  readonly fields: readonly string[] | undefined;
  readonly encodeRun: Encoder['encodeRun'];
  readonly #selector: FieldSelector | undefined;
  readonly #maxBytes: number | undefined;
  readonly #openings = new Openings();
  readonly #copier: JsonCopier | undefined;

  /** `selection`: which fields, and their names; undefined for all, under their own. */
  constructor(maxBytes: number | undefined, selection: FieldSelection | undefined) {
    this.#maxBytes = maxBytes;
    this.#selector = selection && new FieldSelector(selection);
    this.fields = this.#selector?.fields;
    const copier = (this.#copier = JsonCopier.for(maxBytes, this.#selector));
    this.encodeRun = copier && ((run, framing, room) => copier.frames(run, framing, room));
  }

  encode(entry: Entry, out: ByteWriter): boolean {
    const isCopyable = this.#copier !== undefined && entry.table !== undefined;
    if (isCopyable && appendCopy(this.#copier, entry, out)) return true;
    const start = out.length;
    const fields = this.#fieldsOf(entry);
    // One that could not be copied is hardly ever text throughout.
    const plain = isCopyable ? undefined : this.#plain(fields);
    if (plain !== undefined) out.text(plain);
    else this.#write(namedFields(fields), out);
    if (this.#maxBytes !== undefined && out.length - start > this.#maxBytes) {
      out.truncate(start);
      writeShrunk(namedFields(this.#fieldsOf(entry)), this.#maxBytes, out);
    }
    return true;
  }

  #fieldsOf(entry: Entry): Fields {
    return this.#selector?.select(entry) ?? entry;
  }

  #write(fields: readonly NamedField[], out: ByteWriter): void {
    // JSON is no shorter than what it holds.
    const isTooMuch = this.#maxBytes !== undefined && fields.some(({ value }) => lengthOf(value) > this.#maxBytes!);
    if (isTooMuch) writeShrunk(fields, this.#maxBytes!, out);
    else writeObject(fields, out);
  }

  /** The object of an entry that is text throughout, and not large, which nearly every one is; undefined for any other. */
  #plain(entry: Fields): string | undefined {
    let json = '';
    for (const name of entry.names()) {
      const value = entry.get(name);
      if (value === undefined) continue;
      if (typeof value === 'string' ? value.length > MAX_PLAIN_LENGTH : !isText(value)) return undefined;
      json += this.#openings.of(name) + JSON.stringify(value);
    }
    return json === '' ? '{}' : `{${json.slice(1)}}`;
  }
}

/** In UTF-16 units. A longer value is written by itself, in pieces. */
const MAX_PLAIN_LENGTH = 256 * 1024;

/** `,"NAME":` for names seen before. Bounded, since names are anybody's to choose. */
class Openings {
  readonly #known = new Map<string, string>();

  of(name: string): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= 1000) this.#known.clear();
    const opening = `,${JSON.stringify(name)}:`;
    this.#known.set(name, opening);
    return opening;
  }
}

function objectOf(members: readonly Member[]): string {
  const json = members.map(({ name, value, exact }) => member(name, value) + (exact === undefined ? '' : `,${member(exact.name, exact.value)}`));
  return `{${json.join(',')}}`;
}

function member(name: string, value: Member['value']): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

/** A field under the name that it has in the object, and the name of its exact bytes, where it needs them. */
interface NamedField {
  readonly name: string;
  readonly value: FieldValue;
  readonly exactName: string | undefined;
}

function namedFields(entry: Fields): NamedField[] {
  const fields: [string, FieldValue][] = [];
  for (const name of entry.names()) {
    const value = entry.get(name);
    if (value !== undefined) fields.push([name, value]);
  }
  const companions = new Set(fields.filter(([, value]) => !isText(value)).map(([name]) => companionOf(name)));
  const taken = new Set([...fields.map(([name]) => name), ...companions]);
  return fields.map(([name, value]) => {
    let free = name;
    if (companions.has(name)) {
      do free = `user_${free}`;
      while (taken.has(free) || taken.has(companionOf(free)));
      taken.add(free).add(companionOf(free));
    }
    return { name: free, value, exactName: isText(value) ? undefined : companionOf(free) };
  });
}

/** Writes value by value: as one string, 20 MB of bytes with their base64 would take half a gigabyte. */
function writeObject(fields: readonly NamedField[], out: ByteWriter): void {
  let separator = '{';
  for (const { name, value, exactName } of fields) {
    out.text(`${separator}${JSON.stringify(name)}:`);
    writeValue(value, out, writeText);
    separator = ',';
    if (exactName === undefined) continue;
    out.text(`,${JSON.stringify(exactName)}:`);
    writeValue(value, out, writeBase64);
  }
  out.text(fields.length === 0 ? '{}' : '}');
}

function writeValue(value: FieldValue, out: ByteWriter, write: (one: string | Uint8Array, out: ByteWriter) => void): void {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    write(value, out);
    return;
  }
  let separator = '[';
  for (const one of value) {
    out.text(separator);
    write(one, out);
    separator = ',';
  }
  out.text(value.length === 0 ? '[]' : ']');
}

/** Of a value of 20 MB, for an object of 256 KB, no more is looked at than can stand in it. */
function writeShrunk(fields: readonly NamedField[], maxBytes: number, out: ByteWriter): void {
  const enough = (one: string | Uint8Array): string | Uint8Array => (one.length <= maxBytes ? one : typeof one === 'string' ? one.slice(0, maxBytes) : one.subarray(0, maxBytes));
  const members = fields.map(({ value, ...field }) => asMember({ ...field, value: typeof value === 'string' || value instanceof Uint8Array ? enough(value) : value.map(enough) }));
  out.text(objectOf(shrunk(members, maxBytes)));
}

function lengthOf(value: FieldValue): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : value.reduce((sum, one) => sum + one.length, 0);
}

function asMember({ name, value, exactName }: NamedField): Member {
  return { name, value: mapValue(value, asText), exact: exactName === undefined ? undefined : { name: exactName, value: mapValue(value, asBase64) } };
}

function companionOf(name: string): string {
  return `${name}_BASE64`;
}

function isText(value: FieldValue): boolean {
  if (typeof value === 'string') return true;
  return !(value instanceof Uint8Array) && value.every((one) => typeof one === 'string');
}

function mapValue(value: FieldValue, map: (one: string | Uint8Array) => string): string | readonly string[] {
  return typeof value === 'string' || value instanceof Uint8Array ? map(value) : value.map(map);
}

function asText(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : viewOf(value).toString('utf8');
}

function asBase64(value: string | Uint8Array): string {
  return (typeof value === 'string' ? Buffer.from(value) : viewOf(value)).toString('base64');
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
