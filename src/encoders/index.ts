import type { Encoder } from '../core/encoder.js';
import { CatEncoder } from './cat.js';
import type { FieldSelection } from './json-fields.js';
import { JsonEncoder } from './json.js';
import { Rfc3164Encoder } from './rfc3164.js';
import { Rfc5424Encoder } from './rfc5424.js';
import { ShortEncoder } from './short.js';

export type { FieldSelection };
export type Format = 'rfc5424' | 'rfc3164' | 'json' | 'short' | 'cat';

export interface EncoderOptions {
  /**
   * The largest message in bytes, the frame's own bytes not counted; undefined for no limit. From 64 on (`json`: from
   * 2 on) no message is longer; what does not fit is cut on a code-point boundary and ends in `...[cut]`.
   */
  readonly maxMessageBytes: number | undefined;
  /** The message must fit in one line (RFC 6587 section 3.4.2): each LF becomes `#012`, as rsyslog writes it. */
  readonly singleLine: boolean;
  /** What stands in `short` and `cat` for an LF on a single line, in place of `#012`. */
  readonly lineFeed?: string | undefined;
  /** The journal fields that RFC 5424 carries as structured data; empty for none. */
  readonly structuredData: readonly string[];
  /** In place of the entry's own in `rfc5424`, `rfc3164` and `short`. */
  readonly appName?: string | undefined;
  /** In place of the entry's own in `rfc5424`, `rfc3164` and `short`. */
  readonly hostname?: string | undefined;
  /** In place of the entry's own in `rfc5424` and `rfc3164`; 0 to 23. */
  readonly facility?: number | undefined;
  /** Marks an RFC 5424 MSG that is valid UTF-8 with a byte order mark. */
  readonly bom: boolean;
  /** `json`: which fields, and under which names; undefined for all, under their own. */
  readonly selection?: FieldSelection | undefined;
}

/** Milliseconds since the epoch. Only asked for where an entry tells no time. */
export type Clock = () => number;

/** The encoder of a format. It keeps no entry and no view of one. */
export function createEncoder(format: Format, options: EncoderOptions, clock: Clock = Date.now): Encoder {
  switch (format) {
    case 'rfc5424':
      return new Rfc5424Encoder(options, clock);
    case 'rfc3164':
      return new Rfc3164Encoder(options, clock);
    case 'json':
      return new JsonEncoder(options.maxMessageBytes, options.selection);
    case 'short':
      return new ShortEncoder(options, clock);
    case 'cat':
      return new CatEncoder(options);
  }
}
