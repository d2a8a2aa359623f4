import type { FixtureEntry, FixtureValue } from './make-journal.js';

/** `count` odd entries, always the same ones for a seed: what a hostile or careless program might log. */
export function oddEntries(count: number, seed: number): FixtureEntry[] {
  const random = randomNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const maybe = (chance: number, make: () => FixtureValue): FixtureValue | undefined => (random() < chance ? make() : undefined);
  const piecesOf = (most: number) => Buffer.concat(Array.from({ length: below(most + 1) }, () => Buffer.from(pick(pieces))));
  const plain = () => pick(words) + pick(['', ' ', '\n']) + pick(words);
  const value = () => (random() < 0.5 ? plain() : piecesOf(5));

  return Array.from({ length: count }, (_, index) => {
    const fields = {
      MESSAGE: maybe(0.97, () => (random() < 0.2 ? plain() : random() < 0.1 ? sized(below(20) * 150, pick(fillers)) : piecesOf(8))),
      SYSLOG_IDENTIFIER: maybe(0.7, () => (random() < 0.1 ? sized(pick([298, 299, 300, 301, 5000]), pick(fillers)) : value())),
      _COMM: maybe(0.6, () => (random() < 0.1 ? sized(pick([299, 300]), pick(fillers)) : value())),
      _PID: maybe(0.6, () => pick(['1', '4194304', '', 'x y', '\t', '\x07', 'é'])),
      SYSLOG_PID: maybe(0.5, () => pick(['7', '', 'abc', '\x1b', 'p'.repeat(300), 'q'.repeat(299)])),
      _HOSTNAME: maybe(0.9, () => (random() < 0.8 ? 'h1' : pick(['', 'hôte', 'a b', 'h\x00', 'x'.repeat(300), 'new\nline', '\ufffe']))),
      PRIORITY: maybe(0.8, () => pick(['0', '3', '6', '7', '8', '99', 'err', '', '-1', '3\n'])),
      SYSLOG_FACILITY: maybe(0.5, () => pick(['0', '3', '23', '24', '03', '', 'daemon', '-1', '4294967296'])),
      _TRANSPORT: pick(['kernel', 'stdout', 'syslog', 'journal']),
      _SOURCE_REALTIME_TIMESTAMP: maybe(0.5, () => pick([String(1604430000000000 + below(1e9)), ...oddTimes])),
      MESSAGE_ID: maybe(0.3, () => pick(['a596d6fe7bfa4994828e72309e95d61e', '', 'é é', 'x'.repeat(40)])),
      USER_FIELD: maybe(0.2, () => ['one', 'two', Buffer.from([0xff, index & 0xff])]),
    };
    return { fields: Object.fromEntries(Object.entries(fields).filter((field): field is [string, FixtureValue] => field[1] !== undefined)) };
  });
}

/** Uniform numbers from 0 to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function sized(length: number, filler: string): string {
  return filler.repeat(Math.ceil(length / filler.length)).slice(0, length);
}

const words = ['Started', 'foo bar', 'x', '', 'naïve', '日本', '😀', 'a=b', '"quoted"', 'back\\slash', ']', '#012', '100%'];
const fillers = ['a', 'word ', 'line\n', 'é', '\t', '\x01', '\x1b[1mx', '😀'];
const oddTimes = [
  '0', '', '-5', '+1604430000000001', ' 1604430000000002', '1604430000000003 ', '0x5b33878378c00', '01604', '0b11', '0o17', '0X1F',
  '36028797018963967', '36028797018963968', '99999999999999999999', '1604430000.5', '1604430000000004\0junk', 'now', '1', '+', '--1', '08',
];
const hex = (digits: string) => Buffer.from(digits, 'hex');
const pieces: readonly (string | Buffer)[] = [
  'text', ' ', 'a', '\n', '\n\n', 'end\n', '\t', '\r', '\r\n', '\r\r\n', '\r\n\r', 'tab\tbed',
  '\x1b[0m', '\x1b[1;31mred\x1b[0m', '\x1b[', '\x1b[1;3', '\x1b[2J', '\x1b[K', '\x1b', '\x1b\x1b[0m', '\x1b\t', '\x1b\r', '\x1b[\x1b[0m', '\x1b[1\r\n', '\x1b[m',
  '\x1b]8;;http://x\x07link\x1b]8;;\x07', '\x1b]0;title\x1b\\', '\x1b]0;open', '\x1b]é\x07', '\x1b]\x07', '\x1b]a\x1b[0m', '\x1b(B', hex('1b5b006d'), hex('1b5b3b00'),
  '\x00', '\x01', '\x07', '\x08', '\x7f', '\x80', '\x85', '\x9f', '\xa0', '\u00ad',
  'é', 'ß', '日本語', '😀', '\u2028', '\u202e', '\ufeff', '\ufffd', '\ufffe', '\uffff', '\ufdd0', '\ufdcf', '\ufdef', '\ufdf0', '\u{1fffe}', '\u{1ffff}', '\u{10fffd}', '\u{10ffff}', '\u{1fffd}',
  hex('eda080'), hex('edbfbf'), hex('c080'), hex('c1bf'), hex('e08080'), hex('f0808080'), hex('f48fbfbf'), hex('f4908080'), hex('f8888080'), hex('fc8480808080'), hex('ff'), hex('fe'), hex('80'), hex('c3'), hex('e282'), hex('f09f98'), hex('f09f9880'),
];
