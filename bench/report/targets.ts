import { type Results } from './results.js';
import { type Summary } from './summary.js';
import { decimals, whole } from './table.js';

/** What the program is meant to reach, and what was measured. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly reached: boolean;
}

/** What `journalctl -o export` took for 100,000 entries where the targets were set, in seconds of CPU. */
const FLOOR_CPU_SECONDS = 1.3;

/** A target of which nothing was measured is left out. */
export function targets({ contest, large, live, startUp }: Results): Target[] {
  const row = (name: string): Summary | undefined => contest.find((summary) => summary.name === name);
  const found: Target[] = [];
  const atLeast = (what: string, value: number | undefined, limit: number, unit = ''): void => {
    if (value !== undefined) found.push({ what, wanted: `at least ${limit}${unit}`, measured: `${decimals(value)}${unit}`, reached: value >= limit });
  };
  const atMost = (what: string, value: number | undefined, limit: number, unit: string, digits = 0): void => {
    if (value !== undefined) found.push({ what, wanted: `at most ${limit} ${unit}`, measured: `${decimals(value, digits)} ${unit}`, reached: value <= limit });
  };

  const floorCpuSeconds = row('journalctl -o export')?.cpuSeconds;
  /** A machine, or an hour, that is slower for journalctl is as much slower for others: hence the share, too. */
  const atMostOwnCpu = (ours: number | undefined, limit: number): void => {
    atMost('its own CPU', ours, limit, 's per 100,000 entries', 2);
    const share = ours === undefined || floorCpuSeconds === undefined ? undefined : ours / floorCpuSeconds;
    atMost(`the same beside journalctl's alone (${limit} s of ${FLOOR_CPU_SECONDS} s)`, share, Number((limit / FLOOR_CPU_SECONDS).toFixed(2)), '× floor', 2);
  };

  const syslog = row('ours tcp RFC 5424');
  atLeast('backlog over tcp, RFC 5424', syslog?.ratio, 0.9, ' × floor');
  for (const peer of contest.filter(({ name, kind }) => kind === 'peer' && name.includes('RFC 5424'))) {
    if (syslog?.ratio === undefined || peer.ratio === undefined) continue;
    const wanted = `ahead of ${peer.name.split(' ')[0]}`;
    found.push({ what: 'backlog over tcp, RFC 5424', wanted, measured: `${decimals(syslog.ratio)} against ${decimals(peer.ratio)} × floor`, reached: syslog.ratio > peer.ratio });
  }
  atMostOwnCpu(syslog?.ownCpuSeconds, 0.5);
  for (const [name, words] of [['ours tcp JSON', 'JSON over tcp'], ['ours http JSON', 'JSON over http']] as const) {
    atLeast(`backlog, ${words}`, row(name)?.ratio, 0.75, ' × floor');
    atMostOwnCpu(row(name)?.ownCpuSeconds, 1.2);
  }
  const cloudWatch = row('ours cloudwatch JSON')?.meanFill;
  if (cloudWatch !== undefined) found.push({ what: 'batches to CloudWatch Logs under load, on average', wanted: 'at least 90 % full', measured: `${decimals(cloudWatch * 100, 1)} %`, reached: cloudWatch >= 0.9 });
  for (const { name, entries, stalled, anonymousMiB } of large.filter((item) => item.name.startsWith('ours'))) {
    atMost(`own memory with ${whole(entries)} entries${stalled ? ' and a receiver that stalls for 10 s' : ''}, ${name.replace('ours ', '')}`, anonymousMiB, 60, 'MiB');
  }
  atMost('a live entry, over what journalctl -f needs (median)', live.oursMs.median - live.journalctlMs.median, 50, 'ms');
  atMost('CPU while idle', (live.idle.own + live.idle.journalctl) * 100, 0.1, '% of a core', 3);
  atMost("CPU at 1,000 entries a second, journalctl's included", (live.busy.own + live.busy.journalctl) * 100, 8, '% of a core', 1);
  for (const { name, medianMs } of startUp) {
    if (name.startsWith('ours')) atMost(`from start to first byte, ${name.endsWith('executable') ? 'the single executable' : 'from node'}`, medianMs, name.endsWith('executable') ? 120 : 150, 'ms');
  }
  return found;
}
