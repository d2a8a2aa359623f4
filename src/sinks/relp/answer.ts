import type { Failure } from '../failure.js';

/** A server's answer to a command: `STATUS SP HUMAN-TEXT [LF DATA]` (librelp, doc/relp.md, "rsp"). */
export interface Answer {
  /** 200, or anything else for an error; NaN where there is none. */
  readonly status: number;
  /** For a person: on one line, without control characters, and cut at 80 characters, the most that the specification allows. */
  readonly text: string;
  /** What follows the first line. */
  readonly data: string;
}

/** Whether an answer says 200, told without a look at the rest of it. */
export function isOk(data: Uint8Array): boolean {
  return data[0] === 0x32 && data[1] === 0x30 && data[2] === 0x30 && (data.length === 3 || data[3] === 0x20 || data[3] === 0x0a);
}

export function readAnswer(bytes: Buffer): Answer {
  const [line = '', ...rest] = bytes.toString('utf8').split('\n');
  const [, status, text = ''] = /^(\d{3})(?: (.*))?$/s.exec(line) ?? [];
  const printable = (status === undefined ? line : text).replace(/[\p{C}\s]+/gu, ' ').trim();
  return { status: status === undefined ? NaN : Number(status), text: printable.slice(0, 80), data: rest.join('\n') };
}

/** What we say of ourselves in `open`. librelp itself speaks, and takes, version 0 of what its specification calls 1. */
export const OUR_OFFERS = Buffer.from('relp_version=0\nrelp_software=journald-forwarder\ncommands=syslog');

/** What is wrong with the answer to `open`; undefined where messages may follow. */
export function faultOfOpen(bytes: Buffer): Failure | undefined {
  const { status, text, data } = readAnswer(bytes);
  if (status !== 200) return { code: 'RELP_REFUSED', reason: `the receiver refused the session${said(text)}` };
  const offers = new Map(data.split('\n').filter((line) => line !== '').map((line) => {
    const [name = '', ...values] = line.trim().split('=');
    return [name, values.join('=').split(',').map((value) => value.trim())] as const;
  }));
  const version = offers.get('relp_version');
  // "The client MUST close the connection" (librelp, doc/relp.md, "open").
  if (version === undefined) return { code: 'RELP_OFFERS', reason: 'the receiver offers no version of RELP' };
  if (!['0', '1'].includes(version[0]!)) return { code: 'RELP_OFFERS', reason: 'the receiver offers another version of RELP than 0 or 1' };
  if (offers.get('commands')?.includes('syslog') !== true) return { code: 'RELP_OFFERS', reason: 'the receiver does not offer the command "syslog"' };
  return undefined;
}

/** A receiver's own words as the end of a reason. */
export function said(text: string): string {
  return text === '' ? '' : `: ${text}`;
}
