import { join } from 'node:path';
import { Certificates } from '../support/certificates.js';
import { CommandProcess, type Spawn } from './command-process.js';
import { Ledger } from './ledger.js';
import type { Network } from './network.js';
import { acknowledgedFaults, cloudWatchFaults, datagramFaults, pathFaults, streamFaults, webFaults } from './receiver-faults.js';
import type { Actor } from './schedule.js';
import type { Writers } from './writers.js';

/** What a destination is made in. */
export interface Surroundings {
  /** For receivers' records and sockets. */
  readonly folder: string;
  readonly network: Network;
  readonly writers: Writers;
}

/** A transport under test: adding one is adding a row to `destinations`. */
export interface OracleDestination {
  /** Also the checkpoint's name. */
  readonly name: string;
  /** Whether the forwarder promises to lose nothing on it. */
  readonly isLossless: boolean;
  /** Whether entries keep their order within a connection. */
  readonly isOrdered: boolean;
  create(surroundings: Surroundings): RunningDestination;
}

export interface RunningDestination {
  readonly url: string;
  readonly ledger: Ledger;
  /** What fails about it: one thing at a time, since some faults at the same time are more than a transport can cover. */
  readonly actor: Actor;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const destinations: readonly OracleDestination[] = [
  {
    name: 'tcp',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network, writers }) => {
      const receiver = new Receiver('tcp', folder, spawnIn(network), { address: { port: 5101 }, framing: 'octet-counting' });
      const actor = { name: 'tcp', quietMs: 4000, faults: streamFaults(receiver, writers, () => network.queues(5101)) };
      return { ...parts(receiver), url: 'tcp://127.0.0.1:5101?name=tcp', actor };
    },
  },
  {
    name: 'tls',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network, writers }) => {
      const certificates = new Certificates(join(folder, 'certificates'));
      const receiver = new Receiver('tls', folder, spawnIn(network), { address: { port: 5105 }, framing: 'octet-counting', tls: certificates.issue('server') });
      const actor = { name: 'tls', quietMs: 4000, faults: streamFaults(receiver, writers, () => network.queues(5105)) };
      return { ...parts(receiver), url: `tls://127.0.0.1:5105?name=tls&ca=${certificates.path('ca.crt')}`, actor };
    },
  },
  {
    // JSON, LF, and a path that is disturbed while the receiver is well.
    name: 'tcp-path',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network }) => {
      const receiver = new Receiver('tcp-path', folder, spawnIn(network), { address: { port: 5102 }, framing: 'lf' });
      const proxy = new CommandProcess(spawnIn(network), 'chaos-proxy.mjs');
      const actor = { name: 'tcp-path', quietMs: 4000, faults: pathFaults(proxy) };
      return {
        url: 'tcp://127.0.0.1:5103?name=tcp-path&format=json&framing=lf',
        actor,
        ledger: receiver.ledger,
        start: async () => void (await Promise.all([receiver.start(), proxy.start({ from: 5103, to: 5102 })])),
        stop: async () => void (await Promise.all([receiver.kill(), proxy.kill()])),
      };
    },
  },
  {
    name: 'unix',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network, writers }) => {
      const path = join(folder, 'unix.sock');
      const receiver = new Receiver('unix', folder, spawnIn(network), { address: { path }, framing: 'octet-counting' });
      // What this kernel holds for a receiver is less than any receiver here leaves unread for a second.
      const actor = { name: 'unix', quietMs: 4000, faults: streamFaults(receiver, writers, () => ({ unsent: 1, unread: 0 })) };
      return { ...parts(receiver), url: `unix://${path}?name=unix`, actor };
    },
  },
  {
    name: 'relp',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network, writers }) => {
      const receiver = new Receiver('relp', folder, spawnIn(network), { address: { port: 5106 }, framing: 'relp' });
      const proxy = new CommandProcess(spawnIn(network), 'chaos-proxy.mjs');
      const actor = { name: 'relp', quietMs: 3000, faults: acknowledgedFaults(receiver, proxy, writers) };
      return {
        url: 'relp://127.0.0.1:5107?name=relp',
        actor,
        ledger: receiver.ledger,
        start: async () => void (await Promise.all([receiver.start(), proxy.start({ from: 5107, to: 5106 })])),
        stop: async () => void (await Promise.all([receiver.kill(), proxy.kill()])),
      };
    },
  },
  {
    name: 'http',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network, writers }) => {
      const receiver = new Receiver('http', folder, spawnIn(network), { address: { port: 5108 }, framing: 'http' });
      const proxy = new CommandProcess(spawnIn(network), 'chaos-proxy.mjs');
      const actor = { name: 'http', quietMs: 3000, faults: { ...acknowledgedFaults(receiver, proxy, writers), ...webFaults(receiver) } };
      return {
        // A receiver that hangs is given up sooner than it would be by default, or nothing else would happen to it.
        url: 'http://127.0.0.1:5109/in?jf.name=http&jf.timeoutMs=4000',
        actor,
        ledger: receiver.ledger,
        start: async () => void (await Promise.all([receiver.start(), proxy.start({ from: 5109, to: 5108 })])),
        stop: async () => void (await Promise.all([receiver.kill(), proxy.kill()])),
      };
    },
  },
  {
    name: 'cloudwatch',
    isLossless: true,
    isOrdered: true,
    create: ({ folder, network }) => {
      const service = new CloudWatchService('cloudwatch', folder, spawnIn(network), 5121);
      const actor = { name: 'cloudwatch', quietMs: 3000, faults: cloudWatchFaults(service) };
      return {
        url: 'cloudwatch:oracle?name=cloudwatch&create=true&region=eu-central-1&endpoint=http://127.0.0.1:5121',
        actor,
        ledger: service.ledger,
        start: () => service.start(),
        stop: () => service.kill(),
      };
    },
  },
  {
    name: 'udp',
    isLossless: false,
    isOrdered: false,
    create: ({ folder, network }) => {
      const receiver = new Receiver('udp', folder, spawnIn(network), { address: { udpPort: 5104 }, framing: 'lf' });
      return { ...parts(receiver), url: 'udp://127.0.0.1:5104?name=udp', actor: { name: 'udp', quietMs: 6000, faults: datagramFaults(receiver) } };
    },
  },
];

/** A CloudWatch Logs that can be killed and started again; then it knows neither group nor stream any more. */
export class CloudWatchService extends CommandProcess {
  readonly ledger: Ledger;
  readonly #port: number;

  constructor(name: string, folder: string, spawn: Spawn, port: number) {
    super(spawn, 'cloudwatch-service.ts');
    this.ledger = new Ledger(folder, name);
    this.#port = port;
  }

  override async start(): Promise<void> {
    await super.start({ port: this.#port, ledger: this.ledger.newFile() });
  }
}

/** A receiver that can be killed and started again, with all that it ever read. */
export class Receiver extends CommandProcess {
  readonly ledger: Ledger;
  readonly #settings: object;

  constructor(name: string, folder: string, spawn: Spawn, settings: object) {
    super(spawn, 'receiver.mjs');
    this.ledger = new Ledger(folder, name);
    this.#settings = settings;
  }

  override async start(): Promise<void> {
    await super.start({ ...this.#settings, ledger: this.ledger.newFile() });
  }
}

function parts(receiver: Receiver): Pick<RunningDestination, 'ledger' | 'start' | 'stop'> {
  return { ledger: receiver.ledger, start: () => receiver.start(), stop: () => receiver.kill() };
}

function spawnIn(network: Network): Spawn {
  return (command, args, options) => network.spawn(command, args, options);
}
