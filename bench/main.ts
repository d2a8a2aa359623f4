/**
 * npm run bench -- [--only REGEXP] [--runs 3] [--entries 100000] [--large 500000] [--write]
 * npm run bench -- memory [--entries 10000000] [--write]
 * npm run bench -- guard [--write]
 *
 * See README.md here.
 */
import { parseArgs } from 'node:util';
import { contest, withTrack } from './contest.js';
import { type Contestant } from './contestants/contestant.js';
import { floors } from './contestants/floors.js';
import { versions } from './contestants/installed.js';
import { ours } from './contestants/ours.js';
import { absentPeers, peers } from './contestants/peers.js';
import { largeEntries, measureLarge } from './measurements/large.js';
import { complaints, measureGuard, readBaseline, writeBaseline } from './guard.js';
import { measureLive } from './measurements/live.js';
import { executableBytes, measureStartUp } from './measurements/start-up.js';
import { flatness, memoryMarkdown, runMemory } from './memory.js';
import { machine } from './report/machine.js';
import { resultsMarkdown } from './report/page.js';
import { type Results } from './report/results.js';
import { summarize } from './report/summary.js';
import { table } from './report/table.js';
import { write, writePage } from './report/write.js';

const options = { only: { type: 'string' }, runs: { type: 'string', default: '3' }, entries: { type: 'string' }, large: { type: 'string' }, write: { type: 'boolean', default: false } } as const;

const { values, positionals } = parseArgs({ options, allowPositionals: true });
const entries = Number(values.entries ?? 100_000);
const rounds = Number(values.runs);
const { only } = values;
const [command = 'all'] = positionals;

if (command === 'memory') await memory();
else if (command === 'guard') await guard();
else if (command !== 'all') throw new Error(`Unknown: ${command}. There are memory and guard.`);
else if (only !== undefined) print(table(await compare([...floors, ...ours, ...peers].filter(({ name, kind }) => new RegExp(only).test(`${kind} ${name}`)))));
else await all();

async function all(): Promise<void> {
  const everybody = [...floors, ...ours, ...peers];
  const summaries = await compare(everybody);
  const large = await measureLarge(everybody, say, Number(values.large ?? largeEntries));
  say('live, idle and at the start');
  const bytes = await executableBytes();
  const results: Results = {
    machine: machine(),
    versions: versions(),
    date: new Date().toISOString().slice(0, 10),
    entries,
    rounds,
    contest: summaries,
    absent: [...everybody.flatMap(({ name, missing }) => (missing === undefined ? [] : [{ name, why: missing }])), ...absentPeers],
    large,
    live: await measureLive(),
    startUp: await measureStartUp(10),
    ...(bytes === undefined ? {} : { executableBytes: bytes }),
  };
  print(resultsMarkdown(results));
  if (values.write) await write(results);
}

async function memory(): Promise<void> {
  const run = await runMemory(Number(values.entries ?? 10_000_000), say);
  const markdown = memoryMarkdown(run);
  print(markdown);
  if (values.write) await writePage('memory', markdown);
  if (run.received !== run.entries || !flatness(run.samples).flat) process.exitCode = 1;
}

async function guard(): Promise<void> {
  const measured = await measureGuard(say);
  print(JSON.stringify(measured, null, 2));
  if (values.write) return writeBaseline(measured);
  const found = complaints(await readBaseline(), measured);
  for (const complaint of found) print(complaint);
  if (found.length > 0) process.exitCode = 1;
}

async function compare(contestants: readonly Contestant[]): Promise<ReturnType<typeof summarize>> {
  const here = contestants.filter(({ missing }) => missing === undefined);
  for (const { name, missing } of contestants) if (missing !== undefined) say(`not on this machine: ${name} (${missing})`);
  return summarize(await withTrack(entries, (track) => contest(here, rounds, track, say)), entries);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
