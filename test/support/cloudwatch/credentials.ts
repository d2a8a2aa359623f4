import { randomBytes } from 'node:crypto';

export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A temporary credential's: each request must bring it. */
  readonly sessionToken?: string;
  /** From this time of the service's clock on, ExpiredTokenException. */
  readonly expiresAtMs?: number;
}

/** Who may sign requests: `test` / `test` at first. Whoever is known may do everything, as long as no fault denies it. */
export class Credentials {
  readonly #byId = new Map<string, Credential>();

  constructor(credentials: readonly Credential[] = [{ accessKeyId: 'test', secretAccessKey: 'test' }]) {
    for (const credential of credentials) this.add(credential);
  }

  /** Replaces one with the same id. */
  add(credential: Credential): void {
    this.#byId.set(credential.accessKeyId, credential);
  }

  /** It is unknown from now on: UnrecognizedClientException. */
  remove(accessKeyId: string): void {
    this.#byId.delete(accessKeyId);
  }

  /** It has expired from now on; without an id, all that have a session token. */
  expire(accessKeyId?: string): void {
    for (const credential of this.#byId.values()) {
      if (accessKeyId === undefined ? credential.sessionToken !== undefined : credential.accessKeyId === accessKeyId) this.add({ ...credential, expiresAtMs: 0 });
    }
  }

  /** A new temporary credential, valid until `expiresAtMs`. */
  mint(expiresAtMs: number): Required<Credential> {
    const credential = {
      accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(120).toString('base64'),
      expiresAtMs,
    };
    this.add(credential);
    return credential;
  }

  find(accessKeyId: string): Credential | undefined {
    return this.#byId.get(accessKeyId);
  }
}
