/**
 * npm run bench -- [--only REGEXP] [--runs 3] [--entries 100000]
 *
 * See README.md here.
 */
import { parseArgs } from 'node:util';
import { contest, withTrack } from './contest.js';
import { type Contestant } from './contestants/contestant.js';
import { floors } from './contestants/floors.js';
import { ours } from './contestants/ours.js';
import { summarize } from './report/summary.js';
import { table } from './report/table.js';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, runs: { type: 'string', default: '3' }, entries: { type: 'string', default: '100000' } } });
const entries = Number(values.entries);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const chosen = [...floors, ...ours].filter(({ name, kind }) => new RegExp(values.only).test(`${kind} ${name}`));
const contestants = chosen.filter((contestant: Contestant) => {
  if (contestant.missing !== undefined) say(`left out: ${contestant.name} (${contestant.missing})`);
  return contestant.missing === undefined;
});
const rows = await withTrack(entries, (track) => contest(contestants, Number(values.runs), track, say));
process.stdout.write(`${table(summarize(rows, entries))}\n`);
