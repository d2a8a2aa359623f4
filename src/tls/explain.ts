/** What an explanation may name. */
export interface ExplanationContext {
  /** Where the trusted authorities stand; undefined for those of Node. */
  readonly ca: string | undefined;
  readonly hasCertificate: boolean;
}

/** What an error of `node:tls` means, as one clause; undefined where it is not about TLS. */
export function explainTlsError(error: unknown, context: ExplanationContext): string | undefined {
  const { code = '', message = '' } = error as Partial<NodeJS.ErrnoException>;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error as AltNameError);
  if (code === 'ECONNRESET' && message.includes('before secure TLS connection was established')) {
    return 'the connection ended during the TLS handshake: perhaps this port speaks no TLS, or demands another certificate';
  }
  const authority = UNKNOWN_AUTHORITY.includes(code);
  if (authority) return `the server's certificate is of an unknown authority: none of those in ${context.ca ?? 'the list of Node.js'} has signed it`;
  return CHECKS[code] ?? (code.startsWith('ERR_SSL_') ? explainProtocol(code.slice('ERR_SSL_'.length), message, context) : undefined);
}

interface AltNameError {
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } };
}

function wrongName({ host, cert }: AltNameError): string {
  const names = cert?.subjectaltname ?? (cert?.subject?.CN === undefined ? 'nobody' : `CN:${cert.subject.CN}`);
  // It comes from outside: no control characters, and not without end.
  const shown = names.replace(/[^\x20-\x7e]/g, '?');
  return `the server's certificate is not for ${host ?? 'this host'} but for ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`;
}

function explainProtocol(reason: string, message: string, { hasCertificate }: ExplanationContext): string {
  // `TLSV1_ALERT_UNKNOWN_CA`, `SSLV3_ALERT_BAD_CERTIFICATE`, and from OpenSSL 3.2 on `SSL/TLS_ALERT_BAD_CERTIFICATE`.
  const alert = /ALERT_(\w+)$/.exec(reason)?.[1] ?? (reason === 'TLSV1_UNRECOGNIZED_NAME' ? 'UNRECOGNIZED_NAME' : undefined);
  if (alert !== undefined) {
    const refused = REFUSALS[alert];
    if (refused !== undefined) return hasCertificate ? `the server refused the client certificate: ${refused}` : 'the server demands a client certificate, and none is given (cert=, key=)';
    if (alert === 'PROTOCOL_VERSION') return 'the server knows no version of TLS that is allowed here, which is 1.2 or later';
    if (alert === 'HANDSHAKE_FAILURE') return `the server broke off the TLS handshake: ${hasCertificate ? 'it refuses the client certificate, or' : 'perhaps it demands a client certificate (cert=, key=), or'} has no cipher in common with this program`;
    if (alert === 'UNRECOGNIZED_NAME') return 'the server does not know the name that it was asked for (serverName=)';
    return `the server broke off TLS with the alert ${alert.toLowerCase().replaceAll('_', ' ')}`;
  }
  if (reason === 'WRONG_VERSION_NUMBER' || reason === 'PACKET_LENGTH_TOO_LONG' || reason === 'HTTP_REQUEST') return 'what answers on this port speaks no TLS';
  if (reason === 'UNSUPPORTED_PROTOCOL' || reason === 'VERSION_TOO_LOW') return 'the server knows no version of TLS that is allowed here, which is 1.2 or later';
  return `TLS failed: ${message.replace(/^.*:([^:]+):?$/s, '$1').trim() || reason.toLowerCase()}`;
}

/** X509_V_ERR_… of OpenSSL's x509_vfy.h, as Node names them: no chain from the server's certificate leads to an authority that is trusted. */
const UNKNOWN_AUTHORITY: readonly string[] = [
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

const CHECKS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
  CERT_REVOKED: "the server's certificate is revoked",
  CERT_SIGNATURE_FAILURE: "the signature of the server's certificate is wrong",
  CERT_CHAIN_TOO_LONG: "the chain of the server's certificate is too long",
  INVALID_CA: "the server's certificate is signed by one that is no authority's",
  INVALID_PURPOSE: "the server's certificate is not meant for servers",
};

/** RFC 8446 section 6.2: the alerts that are about the certificate which a peer has shown. */
const REFUSALS: Readonly<Record<string, string>> = {
  ACCESS_DENIED: 'it is valid, but may not connect',
  BAD_CERTIFICATE: 'bad certificate',
  CERTIFICATE_EXPIRED: 'it has expired',
  CERTIFICATE_REQUIRED: 'certificate required',
  CERTIFICATE_REVOKED: 'it is revoked',
  CERTIFICATE_UNKNOWN: 'certificate unknown',
  DECRYPT_ERROR: 'its signature does not verify',
  UNKNOWN_CA: 'unknown authority',
  UNSUPPORTED_CERTIFICATE: 'it is of a kind that the server does not take',
};
