import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { metricTable } from '../../src/observe/metric-table.js';
import { Metrics } from '../../src/observe/metrics.js';
import { parseExposition } from '../support/exposition.js';

const page = new URL('../../docs/metrics.md', import.meta.url);

/** docs/metrics.md as it stands. */
export function metricsPage(): string {
  return readFileSync(page, 'utf8');
}

/** docs/metrics.md as the metrics that are really served would have it; its prose stays as it is. */
export async function metricsMarkdown(current = metricsPage()): Promise<string> {
  const text = await new Metrics(() => Promise.resolve({ destinations: [], deadLetters: new Map(), build: { version: '', nodeVersion: '' } })).text();
  const own = metricTable.map(({ name, type, labels, help }) => [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help]);
  const names = new Set(metricTable.map(({ name }) => name));
  const ofProcess = [...parseExposition(text).values()].filter(({ name }) => !names.has(name)).map(({ name, type, help }) => [`\`${name}\``, type, help]);
  const withOwn = withTable(current, 'metrics', [['metric', 'type', 'labels', 'meaning'], ...own]);
  return withTable(withOwn, 'process metrics', [['metric', 'type', 'meaning'], ...ofProcess]);
}

function withTable(text: string, name: string, [head, ...rows]: readonly (readonly string[])[]): string {
  const begin = `<!-- begin ${name}: made by npx tsx test/observe/metrics-markdown.ts -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(`<!-- end ${name} -->`);
  if (from < 0 || to < from) throw new Error(`docs/metrics.md has no place for the ${name}: put "${begin}" and "<!-- end ${name} -->" into it`);
  const table = [head!, head!.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  return `${text.slice(0, from)}${begin}\n\n${table}\n${text.slice(to)}`;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await metricsMarkdown());
