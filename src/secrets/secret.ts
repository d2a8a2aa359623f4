import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { credentialPath } from '../core/credential-path.js';
import { SettingError } from '../core/errors.js';
import type { Secret, SecretSettings } from '../core/secret.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes a secret of its settings, and reads it once, so that one that is missing is told of at the start. Rejects
 * with a SettingError where it cannot be had.
 */
export async function openSecret(settings: SecretSettings, environment: Environment): Promise<Secret> {
  const secret = { read: readerOf(settings, environment) };
  await secret.read();
  return secret;
}

function readerOf({ setting, from }: SecretSettings, environment: Environment): () => Promise<string> {
  if ('text' in from) return () => Promise.resolve(from.text.reveal());
  if ('variable' in from) return async () => required(environment[from.variable], setting, from.variable, 'this environment variable is not set, or empty; set it for this process');
  const path = credentialPath(from.file, environment);
  return async () => {
    if (path === undefined) throw unusable(setting, from.file, 'a bare name is looked up in $CREDENTIALS_DIRECTORY, which is not set; write an absolute path, or add LoadCredential= to the unit');
    return required(await readBounded(setting, path), setting, path, 'the file is empty; write the secret into it');
  };
}

function required(content: string | undefined, setting: string, place: string, mend: string): string {
  const text = content?.replace(/\r?\n$/, '') ?? '';
  if (text === '') throw unusable(setting, place, mend);
  return text;
}

async function readBounded(setting: string, path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for its other end.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile()) throw unusable(setting, path, 'this is not a file; write the path of one that holds nothing but the secret');
    if (found.size > MOST_BYTES) throw unusable(setting, path, `it has more than ${MOST_BYTES} bytes; write the path of a file that holds nothing but the secret`);
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof SettingError) throw error;
    const { code = 'no reason is known' } = error as NodeJS.ErrnoException;
    throw unusable(setting, path, REASONS[code] ?? `it cannot be read (${code}); mend its path or its rights`);
  } finally {
    await file?.close();
  }
}

/** More than any token has. */
const MOST_BYTES = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; write the path of one that holds the secret',
  ENOTDIR: 'there is no such file; write the path of one that holds the secret',
  EACCES: 'permission denied; let this user read it',
};

/** `place`: the file or the variable. */
function unusable(setting: string, place: string, mend: string): SettingError {
  return new SettingError(setting, `Cannot read ${setting}=${place}: ${mend}.`);
}
