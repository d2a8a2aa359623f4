/** The fields that an encoder makes its messages of, each known by its name and called by a number from 0 on. */
import { Row } from './fields';

export const unknown: i32 = -1;

const most: i32 = 16;
/** A longer name cannot be known. */
const maxNameBytes: usize = 32;
const slotBits = 10;
/** By the slot of a key, one more than the number of the field that has it. */
const numbersAt = memory.data(1024);
/** By number, the key of a field's row, its name, and 0xff for each byte of that. */
const keysAt = memory.data(16 * 4);
const namesAt = memory.data(16 * 2 * 32, 16);

/** Makes a field known. Two of which the keys have one slot cannot be, which ends the program at its start: more `slotBits` tell them apart. */
export function know(number: i32, name: string): void {
  const length = <usize>name.length;
  const key = (<i32>length << 16) | (name.charCodeAt(0) << 8) | name.charCodeAt(<i32>length - 1);
  if (number >= most || length > maxNameBytes || load<u8>(slotOf(key)) != 0) unreachable();
  const at = nameOf(number);
  for (let index: usize = 0; index < length; index++) {
    store<u8>(at + index, <u8>name.charCodeAt(<i32>index));
    store<u8>(at + index, 0xff, maxNameBytes);
  }
  store<i32>(keysAt + (<usize>number << 2), key);
  store<u8>(slotOf(key), <u8>(number + 1));
}

/** The number of a row's field; `unknown` for any other. */
@inline
export function numberOf(row: Row): i32 {
  const number = <i32>load<u8>(slotOf(row.key)) - 1;
  if (number == unknown || load<i32>(keysAt + (<usize>number << 2)) != row.key) return unknown;
  // Bytes behind the name are read, and do not count.
  const at = row.name;
  const name = nameOf(number);
  const first = v128.and(v128.xor(v128.load(at), v128.load(name)), v128.load(name, 32));
  const rest = v128.and(v128.xor(v128.load(at, 16), v128.load(name, 16)), v128.load(name, 48));
  return v128.any_true(v128.or(first, rest)) ? unknown : number;
}

@inline
function nameOf(number: i32): usize {
  return namesAt + (<usize>number << 6);
}

@inline
function slotOf(key: i32): usize {
  return numbersAt + ((<u32>key * 0x9e3779b1) >>> (32 - slotBits));
}
