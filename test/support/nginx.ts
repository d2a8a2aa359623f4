import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';

export interface NginxOptions {
  /** The `server` blocks without their `listen`, each on a free port of 127.0.0.1, by a name of the test's. */
  readonly servers: Readonly<Record<string, string>>;
  /** Further directives of the `http` block. */
  readonly http?: string;
}

/** A real nginx, whose location `@store` keeps each body as a file. Ends with this process. */
export class Nginx {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  #ports: Readonly<Record<string, number>> = {};
  #child: ChildProcess | undefined;

  static async start(options: NginxOptions): Promise<Nginx> {
    if (!existsSync(program)) throw new Error(`${program} is missing: install the Debian package nginx-light.`);
    const nginx = new Nginx();
    try {
      await nginx.#start(options);
      return nginx;
    } catch (error) {
      await nginx.stop();
      throw error;
    }
  }

  port(server: string): number {
    return this.#ports[server]!;
  }

  /** The bodies that were stored, in the order of their requests. */
  get bodies(): readonly Buffer[] {
    const folder = join(this.#folder, 'bodies');
    return readdirSync(folder).sort().map((name) => readFileSync(join(folder, name)));
  }

  /** The lines of all bodies. */
  get lines(): readonly string[] {
    return this.bodies.flatMap((body) => body.toString('utf8').split('\n').slice(0, -1));
  }

  /** `PORT STATUS CONNECTION` of each request that was answered. */
  get log(): readonly string[] {
    return readFileSync(join(this.#folder, 'access'), 'utf8').split('\n').slice(0, -1);
  }

  forget(): void {
    const folder = join(this.#folder, 'bodies');
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start({ servers, http = '' }: NginxOptions): Promise<void> {
    const folder = this.#folder;
    for (const name of ['bodies', 'tmp']) mkdirSync(join(folder, name));
    const ports = await freePorts(Object.keys(servers).length + 1);
    const store = ports.pop()!;
    this.#ports = Object.fromEntries(Object.keys(servers).map((name, index) => [name, ports[index]!]));
    const blocks = Object.entries(servers).map(([name, block]) => `
      server {
        listen 127.0.0.1:${this.#ports[name]}${block.includes('ssl_certificate') ? ' ssl' : ''};
        ${block.replaceAll('@store', `client_body_in_file_only on; client_body_temp_path ${folder}/bodies; proxy_pass http://127.0.0.1:${store};`)}
      }`);
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, `
      ${userInfo().uid === 0 ? 'user root;' : ''} worker_processes 1; daemon off; pid ${folder}/pid; error_log stderr warn;
      events { worker_connections 256; }
      http {
        client_body_temp_path ${folder}/tmp; proxy_temp_path ${folder}/tmp; fastcgi_temp_path ${folder}/tmp; uwsgi_temp_path ${folder}/tmp; scgi_temp_path ${folder}/tmp;
        log_format short '$server_port $status $connection'; access_log ${folder}/access short;
        ${http}
        server { listen 127.0.0.1:${store}; access_log off; location / { return 200; } }
        ${blocks.join('\n')}
      }`);
    const child = spawn(program, ['-c', config, '-p', folder, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => (words += String(chunk)));
    process.once('exit', () => child.kill('SIGKILL'));
    await eventually(() => child.exitCode === null ? answers(store) : Promise.reject(new Error(`nginx ended: ${words}`)), Boolean);
  }
}

const program = '/usr/sbin/nginx';

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((isOpen) => (socket.destroy(), isOpen as boolean));
}

/** Free at the moment, all of them at once. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
