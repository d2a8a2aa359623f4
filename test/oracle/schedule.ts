import { Random } from './random.js';

/** A way in which something can fail. */
export interface Fault {
  /** How often it is chosen, against the actor's other faults. */
  readonly weight: number;
  /** Between which times it lasts, in milliseconds. */
  readonly lastsMs: readonly [number, number];
  /** Makes the thing fail, waits, mends it, and resolves when it is whole again. Mends at once when `signal` aborts. */
  inflict(how: Infliction): Promise<void>;
}

export interface Infliction {
  readonly lastsMs: number;
  /** 0 to 1: for whatever else the fault leaves to chance. */
  readonly chance: number;
  readonly signal: AbortSignal;
  /** Adds a line to the schedule's log. */
  note(text: string): void;
}

/** A thing that fails, in one way at a time. */
export interface Actor {
  readonly name: string;
  /** The mean of the quiet time between two faults. */
  readonly quietMs: number;
  readonly faults: Readonly<Record<string, Fault>>;
}

export interface Planned {
  readonly actor: string;
  readonly fault: string;
  readonly atMs: number;
  readonly lastsMs: number;
  readonly chance: number;
}

/** What fails when, in the order of time. Depends on the seed, the length and the actors' tables alone; each actor has random numbers of its own. */
export function plan(seed: number, lengthMs: number, actors: readonly Actor[]): readonly Planned[] {
  return actors.flatMap((actor) => planOf(seed, lengthMs, actor)).sort((a, b) => a.atMs - b.atMs);
}

function planOf(seed: number, lengthMs: number, { name, quietMs, faults }: Actor): Planned[] {
  const random = new Random(seed, name);
  const weights = Object.fromEntries(Object.entries(faults).map(([fault, { weight }]) => [fault, weight]));
  const planned: Planned[] = [];
  for (let atMs = QUIET_START_MS + random.pause(quietMs); ; ) {
    const fault = random.pick(weights);
    const lastsMs = random.between(faults[fault]!.lastsMs);
    const chance = random.next();
    if (atMs + lastsMs > lengthMs) return planned;
    planned.push({ actor: name, fault, atMs, lastsMs, chance });
    atMs += lastsMs + random.pause(quietMs);
  }
}

/** So long everything runs before anything fails. */
const QUIET_START_MS = 1500;
