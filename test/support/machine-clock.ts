import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A wall clock that can be set while programs run by it: libfaketime, which leaves their monotonic clock alone. journald
 * takes only times that lie in the past.
 */
export class MachineClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'clock-'));

  constructor() {
    this.set(0);
  }

  /** For the environment of each program that is to go by it. */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: library(), FAKETIME_TIMESTAMP_FILE: join(this.#folder, 'offset'), FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  }

  /** Sets it so many seconds before (negative) or behind the real time. */
  set(seconds: number): void {
    writeFileSync(join(this.#folder, 'new'), `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(join(this.#folder, 'new'), join(this.#folder, 'offset'));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** Debian keeps it in a folder named after the machine's kind. */
function library(): string {
  const path = readdirSync('/usr/lib', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith('-linux-gnu'))
    .map(({ name }) => `/usr/lib/${name}/faketime/libfaketime.so.1`)
    .find((path) => existsSync(path));
  if (path === undefined) throw new Error('libfaketime is missing: install the Debian package faketime.');
  return path;
}
