import type { Encoder } from '../../src/core/encoder.js';
import { textOf } from '../../src/core/entry.js';

/** Sends MESSAGE and nothing else; has nothing to say of an entry without one. */
export const encodeMessage: Encoder = {
  fields: ['MESSAGE'],
  encode(entry, out) {
    const text = textOf(entry, 'MESSAGE');
    if (text === undefined) return false;
    out.text(text);
    return true;
  },
};
