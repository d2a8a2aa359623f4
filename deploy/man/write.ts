// Writes the manual to dist/man, as man(1) reads it: `tsx deploy/man/write.ts`. Its date is that of the last commit, or
// $SOURCE_DATE_EPOCH, so that two builds of one commit are the same.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { manualPages } from './pages.js';

const folder = fileURLToPath(new URL('../../dist/man/', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const { name, source } of manualPages(sourceDate())) writeFileSync(`${folder}${name}`, source);

function sourceDate(): Date {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined) return new Date(Number(given) * 1000);
  try {
    return new Date(execFileSync('git', ['-C', folder, 'log', '-1', '--format=%cI'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
  } catch {
    return new Date();
  }
}
