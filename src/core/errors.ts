/** What only an operator can mend: one sentence that says what failed, with which value, and what to do next. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';

  constructor(
    /** Stable; documented in docs/errors.md. */
    readonly code: string,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/**
 * Why a source ends before its end: attempt after attempt has failed, and it is to make no more of them. What it gave
 * before is delivered first, as at its end.
 */
export class ReadingGivenUp extends OperatorError {
  override readonly name = 'ReadingGivenUp';
}

/** A setting that cannot be used. The process exits with 2, which tells systemd not to start it again. */
export class SettingError extends OperatorError {
  override readonly name = 'SettingError';

  constructor(
    /** The setting as its user knows it, for example `--to`. */
    readonly setting: string,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super('ERR_SETTING', message, options);
  }
}
