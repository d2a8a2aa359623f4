import { access, constants, readFile, stat } from 'node:fs/promises';
import { credentialPath } from '../core/credential-path.js';
import { SettingError } from '../core/errors.js';
import type { TlsSettings } from '../core/tls.js';

/** The files of one identity, by the setting that names them. */
export interface TlsFiles {
  /** Undefined where this system has no file of authorities: then those that Node brings count. */
  readonly ca: string | undefined;
  /** Whether a setting names it, and not the system. */
  readonly isOwnCa: boolean;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export type FileSetting = 'ca' | 'cert' | 'key';

/** Throws a SettingError for a bare name where there is no folder to look it up in. */
export async function findFiles(settings: TlsSettings, label: string, environment: Readonly<Record<string, string | undefined>>): Promise<TlsFiles> {
  const find = (setting: FileSetting): string | undefined => {
    const file = settings[setting];
    if (file === undefined) return undefined;
    const path = credentialPath(file, environment);
    if (path === undefined) throw unusable(setting, file, label, 'a bare name is looked up in $CREDENTIALS_DIRECTORY, which is not set; write an absolute path, or add LoadCredential= to the unit');
    return path;
  };
  const [ca, cert, key] = [find('ca'), find('cert'), find('key')];
  return { ca: ca ?? (await systemAuthorities(environment)), isOwnCa: ca !== undefined, cert, key };
}

/** What tells whether one of the files was changed or replaced since. */
export async function stampOf({ ca, cert, key }: TlsFiles): Promise<string> {
  const stamps = [ca, cert, key].map(async (path) => {
    if (path === undefined) return '';
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(':');
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'unknown';
    }
  });
  return (await Promise.all(stamps)).join(' ');
}

/** The file's text. Throws a SettingError, or as `readFile` does where this process is short of something. */
export async function readPem(setting: FileSetting, path: string, label: string): Promise<string> {
  try {
    const found = await stat(path);
    // A pipe would be waited for, and never be there for a second connection.
    if (!found.isFile()) throw unusable(setting, path, label, 'this is not a file; write the path of a PEM file');
    if (found.size > MOST_BYTES) throw unusable(setting, path, label, `it has more than ${MOST_BYTES} bytes; write the path of a PEM file`);
    return await readFile(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = REASONS[code ?? ''];
    throw reason === undefined ? error : unusable(setting, path, label, reason, error);
  }
}

/** The error for a file that cannot be used. `mend` says what is wrong with it and what to do; nothing of its content. */
export function unusable(setting: FileSetting, file: string, label: string, mend: string, cause?: unknown): SettingError {
  return new SettingError(setting, `Cannot use ${setting}=${file} for ${label}: ${mend}.`, { cause });
}

/** As OpenSSL has it, `SSL_CERT_FILE` comes first; then where the distributions keep theirs: Debian and most others, Fedora and RHEL, openSUSE, RHEL 7, Alpine. */
async function systemAuthorities(environment: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  const named = environment['SSL_CERT_FILE'] ?? '';
  const places = [
    ...(named === '' ? [] : [named]),
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pki/tls/certs/ca-bundle.crt',
    '/etc/ssl/ca-bundle.pem',
    '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
    '/etc/ssl/cert.pem',
  ];
  for (const place of places) {
    if (await access(place, constants.R_OK).then(() => true, () => false)) return place;
  }
  return undefined;
}

/** More than any bundle of authorities. */
const MOST_BYTES = 16 * 1024 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; write the path of a PEM file',
  ENOTDIR: 'there is no such file; write the path of a PEM file',
  EACCES: 'permission denied; let this user read it',
  EPERM: 'permission denied; let this user read it',
  ELOOP: 'its symbolic links lead in a circle; mend them',
};
