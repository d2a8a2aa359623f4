import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePorts } from './nginx.js';

/** A real tinyproxy that wants the password of `ada`, which is `pass`. */
export class Tinyproxy {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tinyproxy-'));
  #child: ChildProcess | undefined;
  port = 0;

  async start(): Promise<void> {
    if (!existsSync('/usr/bin/tinyproxy')) throw new Error('/usr/bin/tinyproxy is missing: install the Debian package tinyproxy-bin.');
    [this.port] = (await freePorts(1)) as [number];
    const config = join(this.#folder, 'config');
    writeFileSync(config, `Port ${this.port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth ada pass\nLogFile "${this.#folder}/log"\nLogLevel Connect\n`);
    this.#child = spawn('/usr/bin/tinyproxy', ['-d', '-c', config], { stdio: 'ignore' });
    const child = this.#child;
    process.once('exit', () => child.kill('SIGKILL'));
    await eventually(async () => {
      const socket = connect(this.port, '127.0.0.1');
      const isOpen = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
      socket.destroy();
      return isOpen;
    }, Boolean);
  }

  /** The request lines that it took. */
  get requests(): readonly string[] {
    return [...readFileSync(join(this.#folder, 'log'), 'utf8').matchAll(/Request \(file descriptor \d+\): (.*)/g)].map(([, line]) => line!);
  }

  async stop(): Promise<void> {
    const child = this.#child!;
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
