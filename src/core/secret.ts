/** A secret's text, held in such a way that whatever prints it shows nothing of it. */
export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '(secret)';
  }

  toJSON(): string {
    return '(secret)';
  }

  /** As `node:util` prints it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '(secret)';
  }
}

/** Where a secret stands, as the settings have it. */
export interface SecretSettings {
  /** The setting that says so, for errors: `tokenFile`. */
  readonly setting: string;
  /**
   * The text itself; a file, by its absolute path or by a bare name, which is looked up in `$CREDENTIALS_DIRECTORY`
   * (systemd.exec(5)); or an environment variable.
   */
  readonly from: { readonly text: SecretText } | { readonly file: string } | { readonly variable: string };
}

/** A secret that is read when it is needed, so that a file which was replaced counts from then on. */
export interface Secret {
  /**
   * The text, without the line feed at its end. Rejects with a SettingError where it cannot be had: one sentence that
   * names the file or the variable, and holds nothing of what stands there.
   */
  read(): Promise<string>;
}
