// The strict local CloudWatch Logs as a receiver of the oracle's: a process of its own, so that it can be killed for good.
//   node --import tsx cloudwatch-service.ts '{"port": 5121, "ledger": "/…"}'
// Keeps in the ledger, before it answers, what it stores: numbers that come for the first time in this life under one
// connection, so that their order is looked at, and those that come again under another. It forgets its streams when it dies.
// Commands on stdin and answers on stdout are lines of JSON: `fault` and `mend`.
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { faultSchema } from '../support/cloudwatch/faults.js';
import { LocalCloudWatch } from '../support/cloudwatch/local-cloudwatch.js';

const { port, ledger } = JSON.parse(process.argv[2]!) as { readonly port: number; readonly ledger: string };
const file = openSync(ledger, 'a');
const life = String(process.pid);
const seen = new Set<string>();
let repeats = 0;

writeSync(file, `open ${life} ${Date.now()}\n`);
const service = await LocalCloudWatch.listen({
  port,
  keepEvents: false,
  onBatch: (_, __, events) => {
    const numbers = events.flatMap(({ message }) => /~Q(\d{9})~/.exec(message)?.[1] ?? []);
    const again = numbers.filter((number) => seen.has(number));
    const first = numbers.filter((number) => !seen.has(number));
    for (const number of first) seen.add(number);
    if (first.length > 0) writeSync(file, `got ${life} ${first.join(' ')}\n`);
    if (again.length > 0) writeSync(file, `open ${life}-${++repeats} ${Date.now()}\ngot ${life}-${repeats} ${again.join(' ')}\n`);
  },
  onRequest: ({ outcome, message }) => {
    // Whatever the forwarder sends, it must not break a rule.
    if (/InvalidParameter|Validation|Serialization/.test(outcome)) writeSync(file, `bad ${life} ${outcome}: ${message ?? ''}\n`);
  },
});
createInterface(process.stdin).on('line', (line) => {
  const { id, do: what, ...parameters } = JSON.parse(line) as { readonly id: number; readonly do: string };
  if (what === 'fault') service.faults.add(faultSchema.parse((parameters as { readonly fault: unknown }).fault));
  else service.faults.clear();
  say({ id });
}).on('close', () => process.exit());
say({ listening: true });

function say(answer: object): void {
  writeSync(1, `${JSON.stringify(answer)}\n`);
}
