import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { SettingError } from '../core/errors.js';

/** PEM files: the certificate to show and its key; and the authorities that a sender's must come from, where it needs one. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

/** Reads what a TLS server shows, and asks for. Throws a SettingError for a file that cannot be used. */
export async function readCertificates({ cert, key, ca }: CertificateFiles): Promise<TlsOptions> {
  const read = async (name: string, path: string): Promise<Buffer> => {
    try {
      return await readFile(path);
    } catch (cause) {
      throw new SettingError('listen', `Cannot listen with ${name}=${path}: ${(cause as NodeJS.ErrnoException).code}. Name a PEM file that this user may read.`, { cause });
    }
  };
  const options: TlsOptions = {
    cert: await read('cert', cert),
    key: await read('key', key),
    // Node itself would hang up on an unknown sender without a word.
    ...(ca === undefined ? {} : { ca: await read('ca', ca), requestCert: true, rejectUnauthorized: false }),
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(options);
    return options;
  } catch (cause) {
    throw new SettingError('listen', `Cannot listen with cert=${cert} and key=${key}: ${(cause as Error).message}. Name a certificate in PEM form, and the key that belongs to it, not encrypted.`, { cause });
  }
}
