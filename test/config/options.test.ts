import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { destinationSettings } from '../../src/config/destination-settings.js';
import { readDestination } from '../../src/config/destination.js';
import { environmentNameOf, flagOf, options, reservedOptions } from '../../src/config/options.js';
import type { OptionRow } from '../../src/config/options.js';
import type { Settings } from '../../src/config/settings.js';
import { parseCommandLine } from '../../src/cli.js';
import { optionsMarkdown, optionsPage } from './options-markdown.js';
import { loadedFrom } from './settings-of.js';

/** One that every option but `--to` has an effect on. */
const withDestination = { JOURNALD_FORWARDER_TO: 'tcp://loghost:1?format=json' };

describe('the table of options', () => {
  for (const row of options.filter(({ name }) => name !== 'config')) {
    it(`makes --${row.name} the same as a flag, as a variable and as a key of the file`, async () => {
      const value = row.example ?? 'true';
      const env = row.name === 'to' ? {} : row.name === 'field-map-strict' ? { ...withDestination, JOURNALD_FORWARDER_FIELD_MAP: 'MESSAGE=message' } : withDestination;
      const asFlag = await loadedFrom({ argv: [flagOf(row.name), ...(row.argument === undefined ? [] : [value])], env });
      const asVariable = await loadedFrom({ env: { ...env, [environmentNameOf(row.name)]: value } });
      const asKey = await loadedFrom({ file: JSON.stringify({ [row.name]: row.kind === 'list' ? [value] : value }), env });
      const without = await loadedFrom({ env });
      assert.deepEqual(asVariable.settings, asFlag.settings);
      assert.deepEqual(asKey.settings, asFlag.settings);
      assert.deepEqual(asFlag.warnings, []);
      assert.ok(asFlag.given.has(row.name));
      assert.notDeepEqual(asFlag.settings, without.settings, 'it has an effect');
    });

    if (row.default !== undefined) {
      it(`names the default that --${row.name} really has`, async () => {
        const env: Readonly<Record<string, string>> = row.name === 'to' ? {} : withDestination;
        const given = await loadedFrom({ argv: [flagOf(row.name), row.default!], env });
        assert.deepEqual(given.settings, (await loadedFrom({ env })).settings satisfies Settings);
      });
    }
  }

  it('is what run, check and status take, and what their help shows', () => {
    for (const command of ['run', 'check', 'status']) {
      const help = parseCommandLine([command, '--help'], {}, { uid: 0, homeDirectory: '/' });
      assert.ok(help.command === 'print');
      const shown = [...help.text.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)/gm)].map(([, name]) => name);
      assert.deepEqual(shown, [...options.map(({ name }) => name), 'help'].sort((a, b) => shown.indexOf(a) - shown.indexOf(b)));
    }
  });

  it('has no name that is reserved for later, and none twice', () => {
    const names = options.map(({ name }) => name as string);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(names.filter((name) => reservedOptions.includes(name)), []);
  });

  it('has one sentence for each option, and an example for each that takes a value', () => {
    for (const row of options as readonly OptionRow[]) {
      assert.match(row.help, /^[A-Z].*\.$|\)\.$/);
      assert.equal(row.argument === undefined, row.kind === 'boolean' || row.kind === 'negated', row.name);
      assert.equal(row.example === undefined, row.argument === undefined, row.name);
      assert.equal(row.kind === 'list', row.separator !== undefined, row.name);
    }
  });
});

describe('the table of destination settings', () => {
  it('names the defaults of numbers and booleans that destinations really have', () => {
    const { confirmAfterMs, confirmBytes, encoding } = readDestination({ text: 'tcp://h:1', where: '--to' }) as Extract<ReturnType<typeof readDestination>, { kind: 'syslog-stream' }>;
    assert.equal(destinationSettings.confirmAfterMs.default, String(confirmAfterMs));
    assert.equal(destinationSettings.confirmBytes.default, String(confirmBytes));
    assert.equal(destinationSettings.bom.default, String(encoding.bom));
    assert.ok(destinationSettings.maxBytes.default.startsWith(String(encoding.maxBytes)));
  });
});

describe('docs/options.md', () => {
  it('shows the tables as they are (npx tsx test/config/options-markdown.ts writes them)', () => {
    assert.equal(optionsPage(), optionsMarkdown());
  });
});
