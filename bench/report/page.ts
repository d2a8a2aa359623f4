import { stallSeconds } from '../measurements/large.js';
import { type Results } from './results.js';
import { decimals, markdownTable, table, whole } from './table.js';
import { targets } from './targets.js';

/** What stands between the page's marks, in Markdown. */
export function resultsMarkdown(results: Results): string {
  const { machine, versions, date, entries, rounds, contest, absent } = results;
  return [
    `Measured on ${date} on ${machine}; ${versions.join(', ')}. ${whole(entries)} entries, ${rounds} rounds, medians.`,
    '![Entries per second and CPU of journalctl, this program and others](performance.svg)',
    table(contest),
    [...contest.filter(({ note }) => note !== undefined).map(({ name, note }) => `- ${name}: ${note}.`), `- Not on this machine: ${absent.map(({ name, why }) => `${name} (${why})`).join(', ') || 'nobody'}.`].join('\n'),
    '### What it is meant to reach',
    markdownTable(['what', 'wanted', 'measured', 'reached'], targets(results).map(({ what, wanted, measured, reached }) => [what, wanted, measured, reached ? 'yes' : '**no**']), 4),
    `### A backlog of ${whole(results.large[0]?.entries ?? Number.NaN)} entries, and a receiver that stalls for ${stallSeconds} s`,
    largeTable(results),
    '### Live, idle and at the start',
    liveTable(results),
  ].join('\n\n');
}

function largeTable({ large }: Results): string {
  const rows = large.map(({ name, stalled, entriesPerSecond, ownCpuSeconds, anonymousMiB, missing, duplicates }) => [
    name,
    stalled ? 'stalls' : 'reads on',
    // The time in which nothing could be sent says nothing of the sender.
    stalled ? '' : whole(entriesPerSecond),
    decimals(ownCpuSeconds),
    whole(anonymousMiB),
    whole(missing),
    whole(duplicates),
  ]);
  return markdownTable(['who', 'the receiver', 'entries/s', 'own CPU s per 100,000', 'own memory MiB', 'missing', 'duplicates'], rows, 2);
}

function liveTable({ live: { journalctlMs, oursMs, busy, idle }, startUp, executableBytes }: Results): string {
  const percent = (share: number, digits: number): string => `${decimals(share * 100, digits)} %`;
  const rows = [
    ['a live entry to `journalctl -f`, median and 95 of 100', `${whole(journalctlMs.median)} ms, ${whole(journalctlMs.p95)} ms`],
    ['the same entry to the receiver behind this program', `${whole(oursMs.median)} ms, ${whole(oursMs.p95)} ms`],
    [`CPU at ${whole(busy.entriesPerSecond)} entries a second: this program and its journalctl`, `${percent(busy.own, 1)} and ${percent(busy.journalctl, 1)} of a core`],
    ['CPU while idle: this program and its journalctl', `${percent(idle.own, 3)} and ${percent(idle.journalctl, 3)} of a core`],
    ...startUp.map(({ name, medianMs, fastestMs }) => [`${name.startsWith('ours') ? 'from start to first byte: ' : ''}${name}, median and fastest`, `${whole(medianMs)} ms, ${whole(fastestMs)} ms`]),
    ...(executableBytes === undefined ? [] : [['the single executable', `${whole(executableBytes / 2 ** 20)} MiB`]]),
  ];
  return markdownTable(['what', 'measured'], rows, 2);
}

/** The page with what stands between the marks of `name` replaced; its prose stays as it is. */
export function withResults(page: string, name: 'results' | 'memory', markdown: string): string {
  const begin = page.split('\n').find((line) => line.startsWith(`<!-- begin ${name}:`));
  const end = `<!-- end ${name} -->`;
  if (begin === undefined || !page.includes(end)) throw new Error(`The page has no place for the ${name}: put "<!-- begin ${name}: … -->" and "${end}" into it.`);
  return `${page.slice(0, page.indexOf(begin))}${begin}\n\n${markdown}\n\n${page.slice(page.indexOf(end))}`;
}
