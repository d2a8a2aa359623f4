import { setMaxListeners } from 'node:events';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile, cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Gatewayd } from '../support/gatewayd.js';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { destinations as allDestinations, type OracleDestination, type RunningDestination } from './destinations.js';
import { ForwarderService } from './forwarder-service.js';
import { JournalArchive, type Truth } from './journal-archive.js';
import { judge, missingFrom, type Judgement, type Saved } from './judge.js';
import { gatewayActor, machineActors } from './machine-faults.js';
import { Network } from './network.js';
import { plan, type Actor, type Planned } from './schedule.js';
import { StateDisk } from './state-disk.js';
import { waitOut } from './wait-out.js';
import { Writers } from './writers.js';

export interface OracleOptions {
  readonly seed: number;
  /** How long things fail; then all is mended and drained. */
  readonly lengthMs: number;
  readonly perSecond: number;
  /** Which destinations take part; all of them by default. */
  readonly only?: readonly string[];
  /** Which things fail; all of them by default. */
  readonly failing?: readonly string[];
  /** Where the forwarder reads: the journal by default, or a gatewayd that serves it and fails too. */
  readonly from?: 'journal' | 'gateway';
  /** Settings for every lossless destination's URL, such as `confirmAfterMs=0`, which makes it lose. */
  readonly settings?: string;
  /** Leave the folder also where nothing is wrong. */
  readonly keep?: boolean;
  /** How long the forwarder then has to deliver everything. A pause between two attempts may last 30 s. */
  readonly drainMs?: number;
  readonly onProgress?: (line: string) => void;
}

export interface Verdict {
  readonly judgements: readonly Judgement[];
  /** What is wrong; nothing where every promise was kept. */
  readonly faults: readonly string[];
  readonly sent: number;
  readonly vacuumed: number;
  readonly forwarderStarts: number;
  readonly unasked: readonly string[];
  readonly peakMemoryKiB: number;
  readonly drainMs: number;
  readonly faultCount: number;
  readonly faultKinds: number;
  /** What is left to look at, where something is wrong or it was asked for. */
  readonly folder: string | undefined;
}

/** Runs the oracle once: a private machine, a journal, receivers, a forwarder, and a schedule of faults. */
export async function runOracle(options: OracleOptions): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), `oracle-${options.seed}-`));
  const sandbox = await JournalSandbox.start({
    // No vacuum but ours: journald would else remove what is not confirmed when there are 100 files.
    conf: ['SystemMaxUse=8G', 'SystemKeepFree=1M', 'SystemMaxFiles=100000', 'SystemMaxFileSize=16M'],
  });
  let verdict: Verdict | undefined;
  try {
    verdict = await new Run(options, folder, sandbox).toTheEnd();
    return verdict;
  } finally {
    await sandbox.stop();
    if (verdict !== undefined && verdict.folder === undefined) await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  readonly #options: OracleOptions;
  readonly #folder: string;
  readonly #sandbox: JournalSandbox;
  readonly #startedMs = performance.now();
  readonly #saved = new Map<string, Saved[]>();
  readonly #faults: string[] = [];

  constructor(options: OracleOptions, folder: string, sandbox: JournalSandbox) {
    this.#options = options;
    this.#folder = folder;
    this.#sandbox = sandbox;
  }

  async toTheEnd(): Promise<Verdict> {
    const { seed, lengthMs, perSecond, only, failing, drainMs = 90_000 } = this.#options;
    const sandbox = this.#sandbox;
    const network = await Network.create(sandbox);
    const state = await StateDisk.mount(sandbox, join(this.#folder, 'state'), network.holderPid);
    const writers = new Writers(sandbox, seed, perSecond);
    const chosen = allDestinations.filter(({ name }) => only === undefined || only.includes(name));
    const running = new Map(chosen.map((destination) => [destination, destination.create({ folder: this.#folder, network, writers })]));
    await Promise.all([...running.values()].map((destination) => destination.start()));
    const urls = [...running].map(([{ isLossless }, { url }]) => (isLossless && this.#options.settings !== undefined ? `${url}&${this.#options.settings}` : url));
    const gateway = this.#options.from === 'gateway' ? await Gatewayd.start({ directory: sandbox.directory, spawn: (command, rest, how) => sandbox.spawn(command, rest, how) }) : undefined;
    const args = [...(gateway === undefined ? [] : [`--from=${gateway.url}`]), '--start=head', `--state-dir=${state.path}`, '--log-level=debug', ...urls.map((url) => `--to=${url}`)];
    const forwarder = new ForwarderService((command, rest, how) => network.spawn(command, rest, how), args, join(this.#folder, 'forwarder.log'));
    const machineFolder = join(sandbox.directory, sandbox.machineId);
    const archive = new JournalArchive(machineFolder, join(sandbox.directory, '..', 'vacuumed'));
    const names = chosen.map(({ name }) => name);
    const actors = [...machineActors({ sandbox, forwarder, archive, state, network, names }), ...(gateway === undefined ? [] : [gatewayActor(gateway)]), ...[...running.values()].map(({ actor }) => actor)];
    const planned = plan(seed, lengthMs, actors.filter(({ name }) => failing === undefined || failing.includes(name)));

    const over = new AbortController();
    writers.start();
    forwarder.start();
    const watching = this.#watch(running, state, forwarder, over.signal);
    await this.#inflict(planned, actors, lengthMs);
    await writers.stop();
    await sandbox.sync();
    this.#log('all is mended, nothing is written any more');
    const truth = await archive.truth();
    const tookMs = await this.#drain(truth, running, state, drainMs);
    const exitCode = await forwarder.stop();
    if (exitCode !== 0) this.#faults.push(`the forwarder ended with ${exitCode} when it was asked to stop with everything delivered`);
    over.abort();
    await watching;
    await gateway?.stop();
    for (const { stop, ledger } of running.values()) {
      await stop();
      await ledger.catchUp();
      await ledger.close();
    }

    const deadLetters = await numbersIn(state);
    const judgements = chosen.map((destination) => {
      const { name, isLossless, isOrdered } = destination;
      return judge(truth, { name, isLossless, isOrdered, ledger: running.get(destination)!.ledger, deadLetters: deadLetters.get(name) ?? new Set(), saved: this.#saved.get(name) ?? [] });
    });
    this.#faults.push(...forwarder.bugs);
    for (const exit of forwarder.unasked) this.#faults.push(`the forwarder ended by itself with ${exit}`);
    const faults = [...this.#faults, ...judgements.flatMap((judgement) => judgement.faults)];
    const isKept = faults.length > 0 || this.#options.keep === true;
    if (isKept) await this.#keep(judgements, truth, state, archive, planned);
    return {
      judgements, faults,
      sent: writers.sent,
      vacuumed: archive.removed,
      forwarderStarts: forwarder.starts,
      unasked: forwarder.unasked,
      peakMemoryKiB: forwarder.peakMemoryKiB,
      drainMs: tookMs,
      faultCount: planned.length,
      faultKinds: new Set(planned.map(({ actor, fault }) => `${actor}: ${fault}`)).size,
      folder: isKept ? this.#folder : undefined,
    };
  }

  /** Inflicts what is planned, each actor's faults one after another, and resolves when all is mended. */
  async #inflict(planned: readonly Planned[], actors: readonly Actor[], lengthMs: number): Promise<void> {
    const signal = AbortSignal.timeout(lengthMs);
    // Each actor waits with it.
    setMaxListeners(0, signal);
    const began = performance.now();
    await Promise.all(
      actors.map(async ({ name, faults }) => {
        for (const { fault, atMs, lastsMs, chance } of planned.filter(({ actor }) => actor === name)) {
          await waitOut(began + atMs - performance.now(), signal);
          if (signal.aborted) return;
          const title = `${name}: ${fault}`;
          this.#log(lastsMs === 0 ? title : `${title}, for ${Math.round(lastsMs)} ms`);
          try {
            await faults[fault]!.inflict({ lastsMs, chance, signal, note: (text) => this.#log(`${title}: ${text}`) });
          } catch (error) {
            this.#log(`${title}: FAILED: ${(error as Error).message}`);
            this.#faults.push(`the oracle itself failed in ${title}: ${(error as Error).message}`);
          }
          if (lastsMs > 0) this.#log(`${title}: over`);
        }
      }),
    );
    await waitOut(lengthMs, signal);
  }

  /** Follows the receivers, the checkpoints and the forwarder's memory. */
  async #watch(running: ReadonlyMap<OracleDestination, RunningDestination>, state: StateDisk, forwarder: ForwarderService, signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted; round++) {
      for (const [{ name }, { ledger }] of running) {
        const seenMs = Date.now();
        const upToUs = await state.savedUpTo(name);
        const saved = this.#saved.get(name) ?? [];
        if (upToUs !== undefined && saved.at(-1)?.upToUs !== upToUs) saved.push({ seenMs, upToUs });
        this.#saved.set(name, saved);
        await ledger.catchUp();
      }
      forwarder.measure();
      if (round % 50 === 49) this.#options.onProgress?.(`${this.#at()} ${[...running].map(([{ name }, { ledger }]) => `${name} ${ledger.times.size}`).join(', ')}`);
      await waitOut(200, signal);
    }
  }

  /** Waits until nothing is missing where nothing may be; resolves to how long that took. */
  async #drain(truth: Truth, running: ReadonlyMap<OracleDestination, RunningDestination>, state: StateDisk, limitMs: number): Promise<number> {
    const began = performance.now();
    for (;;) {
      const deadLetters = await numbersIn(state);
      const missing = [...running].filter(([{ isLossless }]) => isLossless).map(([{ name }, { ledger }]) => ({ name, count: missingFrom(truth, ledger, deadLetters.get(name) ?? new Set()).length }));
      const tookMs = performance.now() - began;
      if (missing.every(({ count }) => count === 0)) return tookMs;
      if (tookMs > limitMs) {
        this.#log(`not drained after ${Math.round(tookMs / 1000)} s: ${missing.map(({ name, count }) => `${name} lacks ${count}`).join(', ')}`);
        return tookMs;
      }
      await pause(250);
    }
  }

  async #keep(judgements: readonly Judgement[], truth: Truth, state: StateDisk, archive: JournalArchive, planned: readonly Planned[]): Promise<void> {
    await writeFile(join(this.#folder, 'plan.json'), JSON.stringify(planned, undefined, 1));
    for (const { name, missing, misplaced, malformed } of judgements) {
      const lines = missing.map((number) => `missing ${number} ${new Date(truth.get(number)! / 1000).toISOString()}`);
      await writeFile(join(this.#folder, `${name}.wrong`), [...lines, ...misplaced, ...malformed, ''].join('\n'));
    }
    await state.keep(join(this.#folder, 'state-kept'));
    await cp(archive.folder, join(this.#folder, 'journal'), { recursive: true });
  }

  #log(text: string): void {
    const line = `${new Date().toISOString().slice(11, 23)} ${this.#at()} ${text}\n`;
    appendFileSync(join(this.#folder, 'schedule.log'), line);
  }

  #at(): string {
    return `+${((performance.now() - this.#startedMs) / 1000).toFixed(3)}`;
  }
}

async function numbersIn(state: StateDisk): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const numbers = new Map<string, Set<number>>();
  for (const { from, content } of await state.deadLetters()) {
    const number = /~Q(\d{9})~/.exec(content)?.[1];
    if (number === undefined) continue;
    if (!numbers.has(from)) numbers.set(from, new Set());
    numbers.get(from)!.add(Number(number));
  }
  return numbers;
}
