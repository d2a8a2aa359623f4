/** The fields of an entry for a test: a name may come several times. */
export type Fields = readonly (readonly [name: string, value: string | Uint8Array])[];

/** An entry in the export format as journalctl prints it: values with control characters or LF with their length. */
export function exportEntry(fields: Fields): Buffer {
  return Buffer.concat([...fields.map(([name, value]) => exportField(name, value)), Buffer.from('\n')]);
}

/** A field with its length before it. */
export function binaryField(name: string, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

/** An entry as a line of JSON as `journalctl -o json -a` prints it. */
export function jsonLine(fields: Fields): string {
  const values = new Map<string, (string | number[])[]>();
  for (const [name, value] of fields) values.set(name, [...(values.get(name) ?? []), jsonValue(Buffer.from(value as Uint8Array))]);
  return JSON.stringify(Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? all[0] : all])));
}

function exportField(name: string, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const binary = !isText(bytes) || bytes.includes(0x0a);
  return binary ? binaryField(name, bytes) : Buffer.concat([Buffer.from(`${name}=`), bytes, Buffer.from('\n')]);
}

function jsonValue(bytes: Buffer): string | number[] {
  return isText(bytes) ? bytes.toString('utf8') : [...bytes];
}

/** What systemd calls printable: UTF-8 without control characters other than TAB and LF. */
function isText(bytes: Buffer): boolean {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) && !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/.test(text);
}
