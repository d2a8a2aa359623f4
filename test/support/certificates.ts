import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CertificateOptions {
  /** Who signs it; `ca` by default. */
  readonly by?: string;
  /** As `subjectAltName` has them; this machine's loopback addresses by default. */
  readonly names?: readonly string[];
  /** In hours from now: a day ago and a month from now by default. */
  readonly fromHours?: number;
  readonly toHours?: number;
}

/** A certificate and its key, in PEM form. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Authorities and certificates in a folder of their own, made with openssl: those of a test are never older than it. */
export class Certificates {
  readonly folder: string;

  /** `folder` is made, and removed at the end; without it there is one of its own. */
  constructor(folder?: string) {
    if (folder !== undefined) mkdirSync(folder);
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'certificates-'));
    process.once('exit', () => this.remove());
    this.authority('ca');
  }

  /** The path of an authority's certificate, which is made if there is none yet. */
  authority(name: string): string {
    const { cert, key } = this.#files(name);
    this.#openssl(['req', '-x509', ...newKey, '-keyout', key, '-out', cert, '-days', '30', '-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
    return cert;
  }

  /** A certificate by that name; where there is one already, it is replaced, its key with it. */
  issue(name: string, { by = 'ca', names = LOOPBACK, fromHours = -24, toHours = 720 }: CertificateOptions = {}): CertificateFiles {
    const files = this.#files(name);
    const authority = this.#files(by);
    const request = join(this.folder, `${name}.csr`);
    this.#openssl(['req', '-new', ...newKey, '-keyout', files.key, '-out', request, '-subj', `/CN=${name}`]);
    // `openssl x509` cannot set both ends of a certificate's time; `openssl ca` can, and wants a database.
    const at = (file: string) => join(this.folder, `${name}.${file}`);
    writeFileSync(at('database'), '');
    writeFileSync(at('extensions'), `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n`);
    writeFileSync(at('config'), `[ca]\ndefault_ca=own\n[own]\ndatabase=${at('database')}\nserial=${at('serial')}\nnew_certs_dir=${this.folder}\ndefault_md=sha256\npolicy=policy\n[policy]\ncommonName=supplied\n`);
    this.#openssl(['ca', '-batch', '-notext', '-config', at('config'), '-in', request, '-out', files.cert, '-cert', authority.cert, '-keyfile', authority.key,
      '-rand_serial', '-extfile', at('extensions'), '-startdate', generalizedTime(fromHours), '-enddate', generalizedTime(toHours)]);
    return files;
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #files(name: string): CertificateFiles {
    return { cert: this.path(`${name}.crt`), key: this.path(`${name}.key`) };
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

const LOOPBACK = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'];
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** `20261120103000Z`, so many hours from now. */
function generalizedTime(hours: number): string {
  return new Date(Date.now() + hours * 3_600_000).toISOString().replace(/\.\d+|[-:T]/g, '');
}
