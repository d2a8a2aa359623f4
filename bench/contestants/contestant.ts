import { type SinkOptions } from '../rig/sink-messages.js';

/** Who runs in the benchmark. */
export interface Contestant {
  /** Without a `|`, which separates the columns of the table. */
  readonly name: string;
  /** `floor`: journalctl itself, whose entries nobody receives. */
  readonly kind: 'floor' | 'ours' | 'peer';
  /** What it sends over; a floor sends nothing. */
  readonly protocol?: SinkOptions['protocol'];
  /** Where absent, why it cannot run on this machine. */
  readonly missing?: string;
  /** What a reader of the table should know of it. */
  readonly note?: string;
  /** How it is started; called before each run. Files of its own go into the folder, which is empty. */
  prepare(place: Place): Promise<Command> | Command;
}

export interface Place {
  /** Of the receiver, on 127.0.0.1. */
  readonly port: number;
  readonly folder: string;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Besides PATH. */
  readonly env?: Readonly<Record<string, string>>;
}
