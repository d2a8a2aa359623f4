import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { SettingError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { TlsConnectionOptions, TlsIdentity, TlsMaterial, TlsMemory, TlsSettings } from '../core/tls.js';
import { explainTlsError } from './explain.js';
import { findFiles, stampOf } from './files.js';
import type { TlsFiles } from './files.js';
import { readMaterial } from './material.js';

/** What an identity may touch, and what it is for. */
export interface TlsSurroundings {
  /** The destination or source as it may be shown. */
  readonly label: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly memory: TlsMemory;
}

/**
 * Reads what the settings name. Rejects with a SettingError where a file cannot be used, unless this process has
 * used it before: then a warning says what is wrong with it now, and what was read before goes on.
 */
export async function openTlsIdentity(settings: TlsSettings, surroundings: TlsSurroundings): Promise<TlsIdentity> {
  const { label, environment, logger, memory } = surroundings;
  const files = await findFiles(settings, label, environment);
  const identity = new FileIdentity(settings, files, surroundings);
  await identity.refresh(memory.get(identity.memoryKey));
  if (settings.insecure) logger.warn(`${label}: the server's certificate is not checked (insecure=true), so whoever answers can read what is sent`);
  return identity;
}

class FileIdentity implements TlsIdentity {
  readonly memoryKey: string;
  readonly hasCertificate: boolean;
  readonly #settings: TlsSettings;
  readonly #files: TlsFiles;
  readonly #surroundings: TlsSurroundings;
  #material!: TlsMaterial;
  /** The stamp of files that were found to be of no use, so that each is told of once. */
  #refused: string | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(settings: TlsSettings, files: TlsFiles, surroundings: TlsSurroundings) {
    this.#settings = settings;
    this.#files = files;
    this.#surroundings = surroundings;
    this.hasCertificate = settings.cert !== undefined;
    this.memoryKey = JSON.stringify([surroundings.label, settings]);
  }

  async connectionOptions(host: string): Promise<TlsConnectionOptions> {
    // Connections that are made at the same time share one look.
    this.#refreshing ??= this.refresh(this.#material).finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
    const { serverName = host, insecure } = this.#settings;
    const name = serverName.replace(/\.$/, '');
    return {
      secureContext: this.#material.secureContext,
      rejectUnauthorized: !insecure,
      // RFC 6066 section 3: an address is no server name.
      ...(isIP(name) === 0 ? { servername: name } : {}),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    };
  }

  explain(error: unknown): string | undefined {
    return explainTlsError(error, { ca: this.#files.ca, hasCertificate: this.hasCertificate });
  }

  /** Reads the files unless `known` came of just them. Rejects only where nothing is known. */
  async refresh(known: TlsMaterial | undefined): Promise<void> {
    const { label, logger, memory } = this.#surroundings;
    // Before the files are read: what changes meanwhile is seen the next time.
    const stamp = await stampOf(this.#files);
    if (known?.stamp === stamp) {
      this.#material = known;
      this.#refused = undefined;
      return;
    }
    try {
      this.#material = await readMaterial(this.#files, stamp, { label, logger });
    } catch (error) {
      if (known === undefined) throw error;
      this.#material = known;
      if (this.#refused !== stamp) logger.warn(`${error instanceof SettingError ? error.message : `Cannot read the certificates for ${label}: ${(error as Error).message}.`} What was read before goes on.`);
      this.#refused = stamp;
      return;
    }
    this.#refused = undefined;
    memory.set(this.memoryKey, this.#material);
    if (known !== undefined) logger.info(`${label}: the certificates have changed and were read again; new connections use them`);
  }
}
