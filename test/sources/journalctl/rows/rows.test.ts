import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const folder = new URL('./', import.meta.url);
const rows = [...readFileSync(new URL('README.md', folder), 'utf8').matchAll(/^\| (.+) \| \[.+\]\((.+)\) \| (.+) \|$/gm)].map(([, fact, file, title]) => ({ fact: fact!, file: file!, title: title! }));

describe('the table of what journalctl does', () => {
  it('names a test for each fact, and the test is there', () => {
    assert.ok(rows.length > 50, `only ${rows.length} rows were found`);
    const missing = rows.filter(({ file, title }) => !readFileSync(new URL(file, folder), 'utf8').includes(title));
    assert.deepEqual(missing, []);
  });

  it('leaves out no file of this folder', () => {
    const named = new Set(rows.map(({ file }) => file));
    const files = readdirSync(folder).filter((name) => /-suite\.ts$|\.test\.ts$/.test(name) && name !== 'rows.test.ts' && name !== 'rotation.test.ts');
    assert.deepEqual(files.filter((file) => !named.has(file)), []);
  });
});
