import { parseArgs } from 'node:util';
import { report } from './report.js';
import { runOracle } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    minutes: { type: 'string', default: '2' },
    rate: { type: 'string', default: '300' },
    only: { type: 'string', multiple: true },
    failing: { type: 'string', multiple: true },
    from: { type: 'string', default: 'journal' },
    drain: { type: 'string', default: '90' },
    settings: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const perSecond = Number(values.rate);
if (!Number.isInteger(seed) || !(minutes > 0) || !(perSecond > 0) || (values.from !== 'journal' && values.from !== 'gateway')) {
  process.stderr.write('npm run oracle -- [--seed INTEGER] [--minutes NUMBER] [--rate ENTRIES-PER-SECOND] [--only DESTINATION]... [--failing ACTOR]... [--from journal|gateway] [--drain SECONDS] [--settings NAME=VALUE&...] [--keep]\n');
  process.exit(2);
}
process.stderr.write(`seed ${seed}\n`);
const verdict = await runOracle({
  seed, perSecond,
  from: values.from,
  lengthMs: minutes * 60_000,
  keep: values.keep,
  drainMs: Number(values.drain) * 1000,
  ...(values.failing === undefined ? {} : { failing: values.failing }),
  ...(values.settings === undefined ? {} : { settings: values.settings }),
  ...(values.only === undefined ? {} : { only: values.only }),
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(await report(verdict, seed, minutes));
process.exit(verdict.faults.length === 0 ? 0 : 1);
