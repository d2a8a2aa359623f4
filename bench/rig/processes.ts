import { readFileSync, readdirSync } from 'node:fs';

/** What the kernel knows of a process at one moment (proc(5)). */
export interface ProcessSample {
  readonly pid: number;
  readonly name: string;
  /** User and system time of the process. */
  readonly cpuSeconds: number;
  /** Of the children that it has waited for, and of theirs. */
  readonly childrenCpuSeconds: number;
  /** Memory that belongs to the process itself: neither files nor what is shared. */
  readonly anonymousMiB: number;
  readonly residentMiB: number;
}

/** The process and all its descendants; those that end meanwhile are left out. */
export function sampleTree(pid: number): ProcessSample[] {
  const own = sampleProcess(pid);
  return own === undefined ? [] : [own, ...childrenOf(pid).flatMap(sampleTree)];
}

/** What a process's children have used, those of which it has seen the end, and theirs. */
export function reapedBy(pid: number): number {
  return timesOf(pid).childrenCpuSeconds;
}

/**
 * CPU time of the living threads, to the nanosecond: for spans in which a process uses less than the 10 ms that
 * /proc/PID/stat counts in.
 */
export function exactCpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return nanoseconds / 1e9;
}

export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number));
  } catch {
    return [];
  }
}

function sampleProcess(pid: number): ProcessSample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mebibytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return { pid, ...timesOf(pid), anonymousMiB: mebibytes('RssAnon'), residentMiB: mebibytes('VmRSS') };
  } catch {
    return undefined;
  }
}

function timesOf(pid: number): Pick<ProcessSample, 'name' | 'cpuSeconds' | 'childrenCpuSeconds'> {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name stands in parentheses, and may hold some itself.
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  // Fields 14 to 17 of proc(5); the first one here is the third.
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number);
  return { name: stat.slice(stat.indexOf('(') + 1, end), cpuSeconds: (user + system) / ticksPerSecond, childrenCpuSeconds: (childrenUser + childrenSystem) / ticksPerSecond };
}

/** USER_HZ, which is 100 wherever Node.js runs on Linux. */
const ticksPerSecond = 100;
