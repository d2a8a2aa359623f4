import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flatness } from '../../bench/memory.js';
import { chart } from '../../bench/report/chart.js';
import { resultsMarkdown, withResults } from '../../bench/report/page.js';
import { type Results } from '../../bench/report/results.js';
import { median, quantile } from '../../bench/report/statistics.js';
import { type Row, summarize } from '../../bench/report/summary.js';
import { targets } from '../../bench/report/targets.js';
import { type Result } from '../../bench/rig/race.js';

describe('the figures of the benchmark', () => {
  it('are medians, which one slow run does not move', () => {
    assert.equal(median([3, 100, 1]), 3);
    assert.equal(median([4, 1, 100, 2]), 3);
    assert.ok(Number.isNaN(median([])));
    assert.equal(quantile(Array.from({ length: 100 }, (_, i) => i), 0.95), 95);
  });

  it('compare each run to the floor before and after it', () => {
    // The machine is half as fast in the second round, and a third as fast in the last: the ratio does not see it.
    const floor = [60_000, 30_000, 20_000].map((rate) => result({ entriesPerSecond: rate, cpuSeconds: 1 }));
    const own = [30_000, 15_000, 10_000].map((rate) => result({ entriesPerSecond: rate, cpuSeconds: 3, readerCpuSeconds: 2, unique: 50_000 }));
    const [, ours] = summarize(rowsOf(floor, own), 50_000);
    assert.deepEqual([ours?.entriesPerSecond, ours?.ratio, ours?.cpuRatio], [15_000, 0.5, 3]);
    assert.deepEqual([ours?.cpuSeconds, ours?.readerCpuSeconds, ours?.ownCpuSeconds], [6, 4, 2], 'CPU is for 100,000 entries');
  });

  it('name the worst of what was lost or repeated, not the median', () => {
    const own = [0, 7, 0].map((missing) => result({ entriesPerSecond: 1, unique: 100 - missing, missing, duplicates: missing }));
    const [ours] = summarize([{ contestant: { name: 'ours', kind: 'ours' }, turns: own.map((one) => ({ result: one, floors: [] })) }], 100);
    assert.deepEqual([ours?.missing, ours?.duplicates, ours?.ratio], [7, 7, undefined]);
  });

  it('call memory flat where the last third is like the first, and not where it grows', () => {
    const saw = Array.from({ length: 300 }, (_, i) => 40 + (i % 20));
    assert.ok(flatness(saw).flat);
    assert.ok(!flatness(saw.map((mebibytes, i) => mebibytes + i / 10)).flat);
    assert.ok(!flatness([]).flat, 'no sample tells nothing');
  });
});

describe('the page of the benchmark', () => {
  it('says plainly which target is missed', () => {
    const found = (rate: number): boolean | undefined => targets(results({ rate })).find(({ wanted }) => wanted === 'at least 0.9 × floor')?.reached;
    assert.equal(found(90_000), true);
    assert.equal(found(89_000), false);
    assert.match(resultsMarkdown(results({ rate: 89_000 })), /\| at least 0\.9 × floor \| 0\.89 × floor \| \*\*no\*\* \|/);
    assert.match(resultsMarkdown(results({ rate: 89_000 })), /\| ahead of rsyslog \| 0\.89 against 0\.50 × floor \| yes \|/);
  });

  it('says what own CPU is beside that of journalctl alone, since machines differ', () => {
    const markdown = resultsMarkdown(results({ rate: 90_000 }));
    assert.match(markdown, /\| its own CPU \| at most 0\.5 s per 100,000 entries \| 1\.00 s per 100,000 entries \| \*\*no\*\* \|/);
    assert.match(markdown, /\| the same beside journalctl's alone \(0\.5 s of 1\.3 s\) \| at most 0\.38 × floor \| 1\.00 × floor \| \*\*no\*\* \|/);
  });

  it('has a row for each contestant, what is to be known of it, and who is absent', () => {
    const markdown = resultsMarkdown(results({ rate: 90_000 }));
    assert.match(markdown, /\| ours tcp RFC 5424 \| 90,000 \(90,000 to 90,000\) \| 0\.90 \| 3\.00 \| 1\.00 \| 2\.00 \| 40 \| 0 \| 0 \|/);
    assert.match(markdown, /- rsyslog tcp RFC 5424: a note\.\n- Not on this machine: Fluent Bit \(not in Debian\)\./);
    const widths = markdown.split('\n\n').filter((block) => block.startsWith('|')).map((block) => new Set(block.split('\n').map((line) => line.split('|').length)).size);
    assert.ok(widths.length >= 4 && widths.every((width) => width === 1), 'every row of a table has as many cells as its head');
  });

  it('keeps its prose when the results are put into it, again and again', () => {
    const page = 'before\n<!-- begin results: made so -->\n\n<!-- end results -->\nafter\n';
    const once = withResults(page, 'results', 'first');
    assert.equal(once, 'before\n<!-- begin results: made so -->\n\nfirst\n\n<!-- end results -->\nafter\n');
    assert.equal(withResults(once, 'results', 'second'), once.replace('first', 'second'));
    assert.throws(() => withResults(page, 'memory', ''), /no place for the memory/);
  });

  it('has a chart whose bars are as long as the figures, and within the picture', () => {
    const svg = chart(results({ rate: 50_000 }).contest);
    const rectangles = [...svg.matchAll(/<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)].map(([, x, y, width]) => [Number(x), Number(y), Number(width)] as const);
    const [, , pictureWidth = 0, pictureHeight = 0] = /viewBox="([^"]+)"/.exec(svg)?.[1]?.split(' ').map(Number) ?? [];
    assert.equal(rectangles.length, 9);
    for (const [x, y, width] of rectangles) assert.ok(x + width <= pictureWidth && y + 15 <= pictureHeight);
    const rates = rectangles.filter((_, index) => index % 3 === 0).map(([, , width]) => width);
    assert.deepEqual(rates, [300, 150, 150]);
    assert.ok(!/(black|white|#000|#fff)/i.test(svg), 'it is to be read on a dark page and on a white one');
  });
});

function result({ unique, missing = 0, duplicates = 0, ...rest }: Partial<Result> & { readonly unique?: number; readonly missing?: number; readonly duplicates?: number }): Result {
  const received = unique === undefined ? {} : { received: { unique, missing, duplicates, unexpected: 0, bytes: 1, cpuSeconds: 0.1 } };
  return { seconds: 1, entriesPerSecond: 1, cpuSeconds: 1, readerCpuSeconds: 0, peakAnonymousMiB: 40, peakResidentMiB: 80, words: '', ...received, ...rest };
}

function rowsOf(floor: readonly Result[], own: readonly Result[]): Row[] {
  return [
    { contestant: { name: 'journalctl -o export', kind: 'floor' }, turns: floor.map((one) => ({ result: one, floors: [one] })) },
    { contestant: { name: 'ours tcp RFC 5424', kind: 'ours' }, turns: own.map((one, round) => ({ result: one, floors: [floor[round]!, floor[round]!] })) },
  ];
}

function results({ rate }: { readonly rate: number }): Results {
  const rows: Row[] = [
    ...rowsOf([result({ entriesPerSecond: 100_000 })], [result({ entriesPerSecond: rate, cpuSeconds: 3, readerCpuSeconds: 2, unique: 100_000 })]),
    { contestant: { name: 'rsyslog tcp RFC 5424', kind: 'peer', note: 'a note' }, turns: [{ result: result({ entriesPerSecond: 50_000, unique: 100_000 }), floors: [result({ entriesPerSecond: 90_000 }), result({ entriesPerSecond: 110_000 })] }] },
  ];
  const load = { entriesPerSecond: 1000, own: 0.02, journalctl: 0.03 };
  return {
    machine: '2 cores of a processor',
    versions: ['systemd 252'],
    date: '2026-01-01',
    entries: 100_000,
    rounds: 1,
    contest: summarize(rows, 100_000),
    absent: [{ name: 'Fluent Bit', why: 'not in Debian' }],
    large: [{ name: 'ours tcp RFC 5424', entries: 500_000, stalled: true, entriesPerSecond: 1, ownCpuSeconds: 1, anonymousMiB: 61, missing: 0, duplicates: 0 }],
    live: { journalctlMs: { median: 300, p95: 400 }, oursMs: { median: 310, p95: 410 }, busy: load, idle: { ...load, entriesPerSecond: 0 } },
    startUp: [{ name: 'ours tcp RFC 5424', medianMs: 140, fastestMs: 120 }],
  };
}
