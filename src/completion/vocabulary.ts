/** What may stand on a command line: all that a shell needs to know to complete one. */
export interface Vocabulary {
  /** The program's name. */
  readonly program: string;
  readonly commands: readonly CommandWords[];
  /** Prints the help of the command that follows it. */
  readonly helpCommand: { readonly name: string; readonly help: string };
  /** The options of the commands that take them, and of a command line without a command. */
  readonly options: readonly OptionWords[];
  /** Flags of every command. */
  readonly help: FlagWords;
  /** Flags that stand in place of a command. */
  readonly version: FlagWords;
  readonly urls: Readonly<Record<UrlKind, readonly UrlWords[]>>;
}

export interface CommandWords {
  readonly name: string;
  readonly help: string;
  /** `options`, or what the one word after it may be. */
  readonly takes: 'options' | Value;
}

export interface FlagWords {
  readonly short: string;
  readonly long: string;
  readonly help: string;
}

export interface OptionWords {
  /** `--to`. */
  readonly flag: string;
  readonly help: string;
  /** Absent where it takes no value. */
  readonly value?: Value;
  /** What stands for the value. */
  readonly argument?: string;
  readonly isRepeatable: boolean;
}

/** What can be known of a value. A word that ends in a colon is the beginning of one. */
export type Value =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'url'; readonly of: UrlKind }
  | { readonly kind: 'file' | 'folder' | 'anything' | 'nothing' };

/** Where entries go, or where `listen` receives. */
export type UrlKind = 'destination' | 'receiver';

export interface UrlWords {
  readonly scheme: string;
  /** The whole of it, with placeholders: `tcp://HOST:PORT`. */
  readonly form: string;
  /** What of it is always the same: `tcp://`. */
  readonly start: string;
  readonly settings: readonly SettingWords[];
}

/** A setting in a URL's query. */
export interface SettingWords {
  /** With what stands before its value: `format=`, `jf.format=`; or a name to which the user adds a key: `jf.headerFile.`. */
  readonly start: string;
  readonly help: string;
  readonly value: { readonly kind: 'words'; readonly words: readonly string[] } | { readonly kind: 'file' | 'anything' };
}
