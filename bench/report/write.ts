import { readFile, writeFile } from 'node:fs/promises';
import { chart } from './chart.js';
import { resultsMarkdown, withResults } from './page.js';
import { type Results } from './results.js';

const page = new URL('../../docs/performance.md', import.meta.url);
const picture = new URL('../../docs/performance.svg', import.meta.url);

/** Puts the results into docs/performance.md, and their chart beside it. */
export async function write(results: Results): Promise<void> {
  await writeFile(picture, chart(results.contest));
  await writePage('results', resultsMarkdown(results));
}

export async function writePage(name: 'results' | 'memory', markdown: string): Promise<void> {
  await writeFile(page, withResults(await readFile(page, 'utf8'), name, markdown));
}
