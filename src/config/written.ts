import { SettingError } from '../core/errors.js';

/** One value as its user wrote it, with the place to name when it is wrong. */
export interface Written {
  readonly text: string;
  /** `--to`, `JOURNALD_FORWARDER_TO`, `config.yaml: to[1]`. */
  readonly where: string;
  /** What an error shows in place of the text. */
  readonly shown?: string;
  /** The settings that stand beside a destination's URL in a file. */
  readonly settings?: readonly WrittenSetting[];
}

export interface WrittenSetting extends Written {
  readonly name: string;
}

/** The error for a value that cannot be used. `mend` is a clause that says what is wrong and what to write instead. */
export function invalid(written: Written, mend: string, options?: { readonly cause?: unknown }): SettingError {
  return new SettingError(written.where, `Invalid ${written.where} ${quote(written.shown ?? written.text)}: ${mend}.`, options);
}

/** The error for a setting whose mere presence is wrong, whatever its value. */
export function misplaced(where: string, mend: string): SettingError {
  return new SettingError(where, `Invalid ${where}: ${mend}.`);
}

/** `a, b or c`. */
export function anyOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}

/** The text in double quotes, fit for one line of a terminal. */
export function quote(text: string): string {
  const longest = 200;
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  // JSON escapes what would break the line, but leaves DEL and the C1 controls, which steer a terminal too.
  return JSON.stringify(shown).replace(/[\x7f-\x9f]/g, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
