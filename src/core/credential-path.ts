import { isAbsolute, join } from 'node:path';

/**
 * Where a secret's file is: at its absolute path, or, where it is a bare name, in the folder that systemd makes for
 * `LoadCredential=` (systemd.exec(5), `$CREDENTIALS_DIRECTORY`). Undefined for a bare name where there is no such folder.
 */
export function credentialPath(file: string, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (isAbsolute(file)) return file;
  const folder = environment['CREDENTIALS_DIRECTORY'] ?? '';
  return folder === '' ? undefined : join(folder, file);
}
