import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../core/logger.js';
import type { TlsMaterial } from '../core/tls.js';
import { readPem, unusable } from './files.js';
import type { FileSetting, TlsFiles } from './files.js';

/**
 * Reads the files and makes them ready for connections. Throws a SettingError for what cannot be used; warns of a
 * client certificate whose time is over or has not come, which a server would refuse.
 */
export async function readMaterial(files: TlsFiles, stamp: string, { label, logger }: { readonly label: string; readonly logger: Logger }): Promise<TlsMaterial> {
  const read = async (setting: FileSetting, path: string | undefined): Promise<string | undefined> => (path === undefined ? undefined : readPem(setting, path, label));
  const ca = await read('ca', files.ca);
  const cert = await read('cert', files.cert);
  const key = await read('key', files.key);
  // OpenSSL takes a file without a certificate for an empty list, and would then trust nobody without saying so.
  if (ca !== undefined && files.isOwnCa) certificatesIn('ca', ca, files.ca!, label);
  if (cert !== undefined) warnOfTimes(certificatesIn('cert', cert, files.cert!, label)[0]!, files.cert!, label, logger);
  if (key !== undefined) requireKey(key, files.key!, label);
  try {
    const secureContext = createSecureContext({
      // RFC 8996: TLS 1.0 and 1.1 must not be used any more.
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    return { secureContext, stamp };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') throw unusable('key', files.key!, label, `it is not the key of the certificate ${files.cert!}; give the two that belong together`);
    throw unusable(cert === undefined ? 'ca' : 'cert', cert === undefined ? (files.ca ?? '') : files.cert!, label, `OpenSSL cannot work with it (${message}); make it anew`);
  }
}

/** All certificates of a file, at least one. */
function certificatesIn(setting: FileSetting, pem: string, path: string, label: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw unusable(setting, path, label, 'it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----); convert it with openssl x509');
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw unusable(setting, path, label, 'it holds a certificate that is damaged; copy it anew');
    }
  });
}

function requireKey(pem: string, path: string, label: string): void {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw unusable('key', path, label, 'it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----); convert it with openssl pkey');
  // PKCS #8, or the older way of a header in the block.
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) throw unusable('key', path, label, 'it is encrypted, and a service has nobody to ask; decrypt it with openssl pkey, and let this user alone read it');
}

function warnOfTimes(certificate: X509Certificate, path: string, label: string, logger: Logger): void {
  const nowMs = Date.now();
  if (Date.parse(certificate.validTo) < nowMs) logger.warn(`${label}: the client certificate ${path} has expired (${certificate.validTo}); renew it, or the server may refuse it`);
  else if (Date.parse(certificate.validFrom) > nowMs) logger.warn(`${label}: the client certificate ${path} is not valid before ${certificate.validFrom}; look at this machine's clock`);
}
