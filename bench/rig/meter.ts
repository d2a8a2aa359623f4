import { type ProcessSample, reapedBy, sampleTree } from './processes.js';

export interface Consumption {
  /** Of the contestant and everything that it started. */
  readonly cpuSeconds: number;
  /** Of journalctl alone; 0 where the contestant reads the journal itself. */
  readonly readerCpuSeconds: number;
  /** The peak of memory of its own (RssAnon), without journalctl. */
  readonly peakAnonymousMiB: number;
  /** The peak of resident memory, journal files that are mapped included, without journalctl. */
  readonly peakResidentMiB: number;
}

const samplingMs = 50;

/** Watches a process that this one has started, from its start to its end. One at a time. */
export class Meter {
  readonly #pid: number;
  readonly #cpuBefore = reapedBy(process.pid);
  readonly #timer: NodeJS.Timeout;
  readonly #readers = new Map<number, number>();
  readonly #onSample: ((anonymousMiB: number) => void) | undefined;
  #readerCpuSeconds = 0;
  #peakAnonymousMiB = 0;
  #peakResidentMiB = 0;

  /** `onSample` gets what the memory of its own is at each look. */
  constructor(pid: number, onSample?: (anonymousMiB: number) => void) {
    this.#pid = pid;
    this.#onSample = onSample;
    this.#timer = setInterval(() => this.#sample(), samplingMs);
  }

  /** Only after the process's end has been seen ('exit'): what it used is known to the tick then. */
  stop(): Consumption {
    clearInterval(this.#timer);
    return {
      cpuSeconds: reapedBy(process.pid) - this.#cpuBefore,
      readerCpuSeconds: this.#readerCpuSeconds,
      peakAnonymousMiB: this.#peakAnonymousMiB,
      peakResidentMiB: this.#peakResidentMiB,
    };
  }

  #sample(): void {
    const samples = sampleTree(this.#pid);
    const [root] = samples;
    if (root === undefined) return;
    // A child that is not yet what it will be is a copy of its parent, whose memory it shares.
    const own = samples.filter((sample) => !isReader(sample) && (sample === root || sample.name !== root.name));
    const sum = (value: (sample: ProcessSample) => number): number => own.reduce((total, sample) => total + value(sample), 0);
    const anonymousMiB = sum(({ anonymousMiB: mebibytes }) => mebibytes);
    this.#peakAnonymousMiB = Math.max(this.#peakAnonymousMiB, anonymousMiB);
    this.#peakResidentMiB = Math.max(this.#peakResidentMiB, sum(({ residentMiB }) => residentMiB));
    this.#onSample?.(anonymousMiB);

    for (const sample of samples.filter(isReader)) this.#readers.set(sample.pid, sample.cpuSeconds);
    const seen = [...this.#readers.values()].reduce((total, seconds) => total + seconds, 0);
    // A journalctl that has ended is known exactly to the parent that waited for it. A shell waits for more than that one.
    const waited = root.name === 'sh' ? 0 : root.childrenCpuSeconds + samples.filter(isReader).reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
    this.#readerCpuSeconds = Math.max(this.#readerCpuSeconds, seen, waited);
  }
}

function isReader({ name }: ProcessSample): boolean {
  // stdbuf becomes journalctl, and a name is cut at 15 bytes.
  return name === 'journalctl' || name === 'stdbuf';
}
