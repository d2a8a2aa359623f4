import type { ConnectionOptions, SecureContext } from 'node:tls';

/**
 * How a TLS client presents itself, and whom it trusts, as the settings have it. A file is an absolute path, or a
 * bare name, which is looked up in `$CREDENTIALS_DIRECTORY` (systemd.exec(5)).
 */
export interface TlsSettings {
  /** A PEM file of the authorities that are trusted; undefined for those of the system. */
  readonly ca: string | undefined;
  /** PEM files of the client certificate, its chain behind it, and of its key: both, or neither. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The name that the server's certificate must bear; undefined for the host that is connected to. */
  readonly serverName: string | undefined;
  /** Take any certificate of a server's. */
  readonly insecure: boolean;
}

/** What `tls.connect` is to be given besides a socket or an address, a session and ALPN. */
export type TlsConnectionOptions = Pick<ConnectionOptions, 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'> & {
  /** TLS 1.2 at least. Another object after its files have changed: a session of the one must not be resumed with the other. */
  readonly secureContext: SecureContext;
};

/** One client's certificates, kept current. */
export interface TlsIdentity {
  /** Whether a client certificate is presented to a server that asks for one. */
  readonly hasCertificate: boolean;
  /**
   * Options for the next connection to `host`, a name or an address without brackets. Looks whether a file has
   * changed, and reads it again then, with a line in the log; where it cannot be used, a warning says why, and what
   * was read before goes on. Never rejects.
   */
  connectionOptions(host: string): Promise<TlsConnectionOptions>;
  /** What the error of a connection says of TLS, as one clause for a log line; undefined where it is about something else. */
  explain(error: unknown): string | undefined;
}

/**
 * The certificates that were read last, for each destination: what goes on where the files can no longer be used
 * when a later forwarder of this process begins.
 */
export type TlsMemory = Map<string, TlsMaterial>;

/** Certificates and key, made ready for connections. */
export interface TlsMaterial {
  readonly secureContext: SecureContext;
  /** Of the files as they were read: their inodes, sizes and times. */
  readonly stamp: string;
}
