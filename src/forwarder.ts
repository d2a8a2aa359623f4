import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { CheckpointFile } from './checkpoint/checkpoint-file.js';
import { takeLock, type StateLock } from './checkpoint/lock.js';
import { waitForLock } from './checkpoint/lock-wait.js';
import { MemoryCheckpoint } from './checkpoint/memory-checkpoint.js';
import type { GatewaySettings } from './config/gateway.js';
import type { DestinationSettings, FilterSettings, Settings } from './config/settings.js';
import { absoluteTime } from './config/time.js';
import type { DeadLetterKind, DeadLetters } from './core/dead-letters.js';
import type { Encoder } from './core/encoder.js';
import type { Entry } from './core/entry.js';
import { OperatorError, ReadingGivenUp } from './core/errors.js';
import type { Logger } from './core/logger.js';
import type { Position } from './core/position.js';
import type { ReaderEvents } from './core/reader-events.js';
import type { JournalReaderOptions } from './core/reader-options.js';
import type { RouteProgress } from './core/route-progress.js';
import type { RouteStatus } from './core/route-status.js';
import type { Sink } from './core/sink.js';
import type { Source } from './core/source.js';
import type { TlsMemory } from './core/tls.js';
import { createSink, encoderFor } from './destinations.js';
import { openGateway } from './gateway.js';
import { countedDeadLetters } from './observe/counted-dead-letters.js';
import type { DestinationReport } from './observe/destination-report.js';
import { reasonsNotReady } from './observe/health.js';
import type { MonitorServer } from './observe/http-server.js';
import { LagMeter } from './observe/lag.js';
import { ReaderCounts } from './observe/reader-counts.js';
import { DeadLetterFile } from './pipeline/dead-letter-file.js';
import { createFilter, type FilterConditions } from './pipeline/filter.js';
import { JOINED_FIELDS, joinLines } from './pipeline/join-lines.js';
import { Route } from './pipeline/route.js';
import { findAccessFault, isGap, JournalSource, machineId, type Identity } from './sources/journalctl/index.js';
import { StdinSource } from './sources/stdin/stdin-source.js';

/** What surrounds a forwarder: all of the process that it may touch. */
export interface Surroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly identity: Identity;
  readonly logger: Logger;
  /** The trusted fields of our own entries, where they would come back to us. */
  readonly own: Readonly<Record<string, string>> | undefined;
  readonly build: { readonly version: string; readonly nodeVersion: string };
  /** Where positions are kept that no file keeps, by destination; shared by the forwarders of one process. */
  readonly memory: Map<string, MemoryCheckpoint>;
  /** The certificates that were read last; shared in the same way. */
  readonly tlsMemory: TlsMemory;
  /** What `status` is told of the process, beside its routes. */
  readonly describe: Readonly<Record<string, unknown>>;
}

/**
 * How a run ended that did not fail. `undelivered`: it was stopped before all that it had read was settled, and
 * nothing keeps where to go on. `unsaved`: a checkpoint could not be saved, so that the next run repeats entries.
 */
export type RunEnd = 'done' | 'stdout closed' | 'undelivered' | 'unsaved';

/** Settings made to work: a route for each destination, started and stopped together. Runs once. */
export class Forwarder {
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;
  readonly #stdoutClosed = new AbortController();
  #stdoutFailure: OperatorError | undefined;
  #lanes: readonly Lane[] = [];
  #hasStarted = false;
  /** Why no route can start yet. */
  #hindrance: string | undefined;
  #monitorServer: MonitorServer | undefined;
  /** Dead letters of this run, by where they come from. */
  readonly #letterCounts = new Map<string, Map<DeadLetterKind, number>>();

  constructor(settings: Settings, surroundings: Surroundings) {
    this.#settings = settings;
    this.#surroundings = surroundings;
  }

  /** Whether a run came as far as reading and delivering: whether its settings can be worked with. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** What each route is doing; empty before the run. */
  status(): readonly RouteStatus[] {
    return this.#lanes.map((lane) => this.#statusOf(lane));
  }

  /** How each route gets on; empty before the run. */
  progress(): readonly RouteProgress[] {
    // Who waits for the state folder is as ready as who waits for a receiver.
    return this.#lanes.map(({ route }) => (this.#hindrance === undefined ? route.progress() : { ...route.progress(), isReady: true }));
  }

  /**
   * Forwards until the source ends or `stop` aborts; then delivers and saves what is under way, until the shutdown
   * timeout at the latest, and resolves. Rejects with an OperatorError for what only an operator can mend: then all
   * routes are stopped in the same way.
   */
  async run(stop: AbortSignal): Promise<RunEnd> {
    const failed = new AbortController();
    const ending = AbortSignal.any([stop, failed.signal, this.#stdoutClosed.signal]);
    const locks: StateLock[] = [];
    const inputs = await this.#openInputs();
    const deadline = abortAfter(ending, this.#settings.shutdownTimeoutMs);
    try {
      const lanes = Promise.all(this.#settings.destinations.map((destination) => this.#lane(destination, inputs, ending)));
      const [fault] = await Promise.all([inputs.fault, lanes.catch(() => undefined)]);
      if (fault !== undefined) throw fault;
      this.#lanes = await lanes;
      for (const lane of this.#lanes) if (!(await this.#claim(lane, locks, ending))) return 'done';
      await this.#openMonitor();
      this.#hasStarted = true;
      const runs = this.#lanes.map(async ({ route, source }) => {
        try {
          await route.run(ending, deadline.signal);
        } catch (error) {
          // The others come to the same end by themselves, when they have delivered what they read.
          if (!(error instanceof ReadingGivenUp)) failed.abort();
          throw error;
        } finally {
          source.release?.();
        }
      });
      const failure = (await Promise.allSettled(runs)).find((result) => result.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
      if (this.#stdoutFailure !== undefined) throw this.#stdoutFailure;
      if (this.#stdoutClosed.signal.aborted) return 'stdout closed';
      if (inputs.isForsaken() || this.#lanes.some(({ route, isDurable }) => !isDurable && !route.isComplete)) return 'undelivered';
      return this.#lanes.some(({ route }) => route.status().checkpointError !== undefined) ? 'unsaved' : 'done';
    } finally {
      // What a source asked ahead, too, where no lock could be had.
      failed.abort();
      deadline.clear();
      inputs.close();
      for (const { lag } of this.#lanes) lag.close();
      await this.#monitorServer?.close();
      for (const lock of locks) await lock.release();
    }
  }

  async #openInputs(): Promise<Inputs> {
    const { source, filter, state } = this.#settings;
    const { hostname, environment, logger } = this.#surroundings;
    const deadLetters = countedDeadLetters(new DeadLetterFile(join(state.directory, 'dead-letters.ndjson'), logger), this.#letterCounts);
    if (source.from === 'stdin') {
      const closing = new AbortController();
      const shared = new StdinSource({
        input: this.#surroundings.stdin,
        hostname,
        logger,
        onMalformed: ({ place, reason, content }) => deadLetters.write({ from: 'stdin', kind: 'malformed', place, reason, content }, closing.signal),
      });
      return { pushesFilterDown: false, canBeReadAgain: false, deadLetters, open: () => shared.route(), isForsaken: () => shared.isForsaken, close: () => { closing.abort(); shared.close(); } };
    }
    if (source.gateway !== undefined) return this.#openGateway(source.gateway, deadLetters);
    const fault = findAccessFault(source, this.#surroundings.identity);
    const { directory, namespace, until, allMachines, journalctlPath: path } = source;
    const machine = allMachines || directory !== undefined ? undefined : machineId();
    const open = (fields: readonly string[] | undefined, destination: string, events: ReaderEvents): RouteSource =>
      new JournalSource({
        selection: { directory, namespace, until, fields, machineId: machine, ...pushedDown(filter) },
        program: { path, environment },
        ...this.#readerOptions(events),
        onPoison: ({ reason, cursor, timestamp, content, seqnum }, signal) =>
          deadLetters.write({ from: destination, kind: 'unreadable', place: `the entry with sequence number ${seqnum}`, reason, cursor, timestamp, content }, signal),
      });
    return { pushesFilterDown: true, canBeReadAgain: true, fault, deadLetters, open, isForsaken: () => false, close: () => undefined };
  }

  async #openGateway(settings: GatewaySettings, deadLetters: DeadLetters): Promise<Inputs> {
    const gateway = await openGateway(settings, this.#settings.filter, this.#surroundings);
    const { GatewaySource } = await import('./sources/gateway/index.js');
    const open = (_fields: readonly string[] | undefined, destination: string, events: ReaderEvents): RouteSource =>
      new GatewaySource({
        ...gateway,
        ...this.#readerOptions(events),
        onMalformed: ({ reason, content }, signal) => deadLetters.write({ from: destination, kind: 'malformed', place: `a part of what ${gateway.label} gave`, reason, content }, signal),
      });
    return { pushesFilterDown: false, canBeReadAgain: true, deadLetters, open, isForsaken: () => false, close: () => undefined };
  }

  #readerOptions(events: ReaderEvents): JournalReaderOptions {
    const { start, since, follow, reportGaps } = this.#settings.source;
    const { hostname, logger } = this.#surroundings;
    return { start, since: since === undefined ? undefined : absoluteTime(since, new Date()), follow, logger, events, reportGapsAs: reportGaps ? hostname : undefined };
  }

  /** Serves metrics and health, where that is asked for; loaded only then. */
  async #openMonitor(): Promise<void> {
    const { metrics: address } = this.#settings;
    const { logger, build } = this.#surroundings;
    if (address === undefined || this.#monitorServer !== undefined) return;
    const [{ Metrics }, { startMonitorServer }] = await Promise.all([import('./observe/metrics.js'), import('./observe/http-server.js')]);
    const metrics = new Metrics(async () => ({ destinations: await Promise.all(this.#lanes.map((lane) => this.#report(lane))), deadLetters: this.#letterCounts, build }));
    const monitored = {
      contentType: metrics.contentType,
      metrics: () => metrics.text(),
      stuck: () => this.progress().flatMap(({ label, stuck }) => (stuck === undefined ? [] : [`${label}: ${stuck}`])),
      notReady: () => this.status().flatMap(reasonsNotReady),
    };
    this.#monitorServer = await startMonitorServer(address, monitored, logger);
    logger.info(`Metrics and health are served at ${this.#monitorServer.url}/metrics, /healthz and /readyz`);
  }

  /** Puts together what one destination needs. Opens nothing yet, but lets its source ask until `ending` what it has to know. */
  async #lane(destination: DestinationSettings, inputs: Inputs, ending: AbortSignal): Promise<Lane> {
    const { logger, own, stdout, environment, tlsMemory } = this.#surroundings;
    const { state, filter: conditions } = this.#settings;
    const { name, label } = destination;
    const sink = await createSink(destination, { stdout: { output: stdout, onClosed: () => { this.#stdoutClosed.abort(); }, onFailed: (error) => { this.#failStdout(error); } }, logger, environment, tlsMemory, cursorsBeginAnew: !inputs.canBeReadAgain });
    const encoder = encoderFor(destination, sink.framing);
    const self = conditions.includeSelf ? undefined : own;
    const filter = createFilter({ ...(inputs.pushesFilterDown ? notPushedDown(conditions) : conditions), self });
    const reader = new ReaderCounts();
    const { joinLines: joins, reportGaps } = this.#settings.source;
    // A gap is nobody's entry: no condition is meant for it.
    const accepts = filter.isOpen ? undefined : reportGaps ? (entry: Entry) => filter.accepts(entry) || isGap(entry) : filter.accepts;
    const input = inputs.open(fieldsFor(encoder, sink, [...filter.fields, ...(joins ? JOINED_FIELDS : [])]), name, reader);
    input.prepare?.(ending);
    const source = joins ? joinLines(input) : input;
    const isDurable = state.checkpoint && inputs.canBeReadAgain;
    const checkpoints = isDurable ? new CheckpointFile({ path: join(state.directory, `${name}.json`), destination: label, logger }) : this.#memoryFor(name);
    const { deadLetters } = inputs;
    const route = new Route({ name, label, source, accepts, encoder, sink, checkpoints, deadLetters, logger });
    const lag = new LagMeter({ status: () => route.status(), newest: input.newest && ((signal) => input.newest!(signal)), logger });
    return { name, route, source: input, isDurable, reset: async () => { if (checkpoints instanceof CheckpointFile) await checkpoints.reset(); }, reader, lag };
  }

  #memoryFor(name: string): MemoryCheckpoint {
    const { memory } = this.#surroundings;
    const kept = memory.get(name) ?? new MemoryCheckpoint();
    memory.set(name, kept);
    return kept;
  }

  #failStdout(cause: Error): void {
    this.#stdoutFailure = new OperatorError('ERR_STDOUT', `Cannot write to stdout: ${cause.message}. Free the disk, or let stdout lead elsewhere.`, { cause });
    this.#stdoutClosed.abort();
  }

  /** Makes a destination's state ours, as soon as its folder can be written; false where `stop` came before. */
  async #claim(lane: Lane, locks: StateLock[], stop: AbortSignal): Promise<boolean> {
    const { checkpoint, directory, resetCheckpoint } = this.#settings.state;
    if (!checkpoint) return true;
    const { describe, logger } = this.#surroundings;
    const lock = await waitForLock({
      take: () => takeLock(directory, lane.name, async () => ({ ...describe, route: await this.#report(lane) })),
      onTrouble: async (why) => {
        this.#hindrance = why;
        if (why !== undefined) await this.#openMonitor();
      },
      label: lane.route.label,
      logger,
      signal: stop,
    });
    if (lock === undefined) return false;
    locks.push(lock);
    if (resetCheckpoint) await lane.reset();
    return true;
  }

  async #report(lane: Lane): Promise<DestinationReport> {
    const lagSeconds = await lane.lag.seconds();
    const status = this.#statusOf(lane);
    return { ...status, savedAtMs: lane.isDurable ? status.savedAtMs : undefined, lagSeconds, reader: lane.reader.report() };
  }

  #statusOf({ route }: Lane): RouteStatus {
    const status = route.status();
    return this.#hindrance === undefined ? status : { ...status, lastError: this.#hindrance };
  }
}

/** Where routes read from: the journal, which each reads on its own, or standard input, which they share. */
interface Inputs {
  /** True where the source applies the filter but for what it cannot do: leaving entries out. */
  readonly pushesFilterDown: boolean;
  readonly deadLetters: DeadLetters;
  /** False for standard input: a position in it means nothing to a later run. */
  readonly canBeReadAgain: boolean;
  /** Why it cannot be read at all, where that can be looked up. */
  readonly fault?: Promise<OperatorError | undefined>;
  /** `fields`: those that are needed, or undefined for all; `destination`: for which route; `events`: who hears what happens to its reader. */
  open(fields: readonly string[] | undefined, destination: string, events: ReaderEvents): RouteSource;
  /** True where something that was read was not settled in the end, and no later run can read it again. */
  isForsaken(): boolean;
  close(): void;
}

type RouteSource = Source & { prepare?(signal: AbortSignal): void; release?(): void; newest?(signal: AbortSignal): Promise<Position | undefined> };

interface Lane {
  readonly name: string;
  readonly route: Route;
  readonly source: RouteSource;
  /** Whether a later process goes on where this one stopped. */
  readonly isDurable: boolean;
  reset(): Promise<void>;
  readonly reader: ReaderCounts;
  readonly lag: LagMeter;
}

/**
 * What journalctl is asked for. Not unit globs: it looks up once, when it starts, which units a glob means, so that a
 * follower would never show a unit that logs for the first time later, and it fails where there is none yet.
 */
function pushedDown(conditions: FilterSettings): FilterConditions {
  const { units, identifiers, priority, matches, kernel } = conditions;
  return { units: units.some(isGlob) ? [] : units, identifiers, priority, matches, kernel };
}

/** What is left for us: the globs, and leaving entries out. */
function notPushedDown({ units, excludeUnits, excludeMatches }: FilterSettings): FilterConditions {
  return { units: units.some(isGlob) ? units : [], excludeUnits, excludeMatches };
}

function isGlob(unit: string): boolean {
  return /[*?[]/.test(unit);
}

/** The fields that are needed of each entry; undefined for all. */
function fieldsFor(encoder: Encoder, { lanes }: Sink, others: readonly string[]): readonly string[] | undefined {
  const ofLanes = lanes === undefined ? [] : lanes.fields;
  return encoder.fields === undefined || ofLanes === undefined ? undefined : [...new Set([...encoder.fields, ...ofLanes, ...others])];
}

/** A signal that aborts so long after another one has. */
function abortAfter(signal: AbortSignal, ms: number): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(() => { controller.abort(); }, ms);
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener('abort', start);
    },
  };
}
