import { isAbsolute } from 'node:path';
import { SecretText } from '../core/secret.js';
import type { SecretSettings } from '../core/secret.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

/** What is asked of settings that were given: those of a destination, or of something else that has secrets. */
export interface GivenSecrets<N extends string> {
  get(name: N): SecretText | undefined;
  get(name: `${N}File` | `${N}Env`): string | undefined;
  /** The error for a setting that is right in itself. */
  refuse(name: N | `${N}File` | `${N}Env`, mend: string): Error;
}

/** The secret that one of `NAME=`, `NAMEFile=` and `NAMEEnv=` tells; undefined where none of them is given. */
export function readSecret<N extends string>(given: GivenSecrets<N>, name: N): SecretSettings | undefined {
  const text = given.get(name);
  const file = given.get(`${name}File`);
  const variable = given.get(`${name}Env`);
  if (text !== undefined && (file ?? variable) !== undefined) throw given.refuse(name, `${file === undefined ? `${name}Env` : `${name}File`} is given too; keep one`);
  if (file !== undefined && variable !== undefined) throw given.refuse(`${name}File`, `${name}Env is given too; keep one`);
  if (text !== undefined) return { setting: name, from: { text } };
  if (file !== undefined) return { setting: `${name}File`, from: { file } };
  return variable === undefined ? undefined : { setting: `${name}Env`, from: { variable } };
}

/** A secret's text itself, which every user of the machine could read on a command line. */
export function readSecretText(written: Written, name: string): SecretText {
  refuseOnCommandLine(written, `give ${name}File= or ${name}Env=, or write it into the file of --config`);
  if (written.text === '') throw invalid(written, `${name} is not to be empty; leave it out`);
  return new SecretText(written.text);
}

/** Throws for a secret among the arguments of the process. */
export function refuseOnCommandLine(written: Written, mend: string): void {
  if (written.where.startsWith('--')) throw invalid(written, `every user of this machine can see what stands on a command line; ${mend}`);
}

/** The absolute path of a file, or the name of a credential (systemd.exec(5)). */
export function readSecretFile(written: Written, name: string): string {
  const { text } = written;
  if (/[\0\n]/.test(text) || (!isAbsolute(text) && !/^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$/.test(text))) {
    throw invalid({ ...written, shown: `${name}=…` }, `${name} is an absolute path, for example /etc/journald-forwarder/token, or the name of a file in $CREDENTIALS_DIRECTORY`);
  }
  return text;
}

/** The name of an environment variable (POSIX.1-2024, Base Definitions, 8.1). */
export function readVariableName(written: Written, name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(written.text)) throw invalid({ ...written, shown: `${name}=…` }, `${name} is the name of an environment variable, for example LOG_TOKEN`);
  return written.text;
}
