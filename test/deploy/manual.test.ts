import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { manualPages } from '../../deploy/man/pages.js';
import { parseCommandLine } from '../../src/cli.js';
import { helpOf } from '../../src/commands.js';
import { destinationSettings } from '../../src/config/destination-settings.js';
import { environmentNameOf, options } from '../../src/config/options.js';
import { loadedFrom } from '../config/settings-of.js';

const surroundings = { uid: 0, homeDirectory: '/' };

describe('the manual', () => {
  let folder: string;
  const pages = manualPages(new Date(Date.UTC(2026, 1, 3)));
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'manual-test-'));
    for (const { name, source } of pages) await writeFile(join(folder, name), source);
  });
  after(() => rm(folder, { recursive: true }));

  const tool = async (program: string, ...argv: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, argv, { cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', MANWIDTH: '200' } }).catch((cause: NodeJS.ErrnoException & { stdout: string }) => {
      if (cause.code === 'ENOENT') throw new Error(`${program} is missing: install the Debian package ${program === 'man' ? 'man-db' : program}.`, { cause });
      return cause;
    });
    return stdout;
  };
  /** A page as mandoc shows it, without bold type, on one line. */
  const shown = async (name: string): Promise<string> => (await tool('mandoc', '-T', 'utf8', '-O', 'width=500', name)).replaceAll(/.\x08/gu, '').replaceAll(/\s+/g, ' ');

  it('is two pages, in which mandoc finds nothing to complain of', async () => {
    assert.deepEqual(pages.map(({ name }) => name), ['journald-forwarder.1', 'journald-forwarder.yaml.5']);
    for (const { name } of pages) assert.equal(await tool('mandoc', '-T', 'lint', '-W', 'warning', name), '');
  });

  it('shows, with man, all flags and commands that --help shows', async () => {
    const help = parseCommandLine(['--help'], {}, surroundings);
    assert.ok(help.command === 'print');
    const page = await tool('man', '-l', 'journald-forwarder.1');
    const flags = [...help.text.matchAll(/^ {2}(?:-\w, )?--[a-z-]+(?: <.*?>)?/gm)].map(([flag]) => flag.trim().replace(/<(.*)>/, '$1'));
    assert.ok(flags.length > 30, String(flags.length));
    for (const flag of flags) assert.match(page, new RegExp(`^ +${flag}(?:\\s|$)`, 'm'), flag);
    const commands = [.../\nCommands:\n((?: +.*\n)+)/.exec(help.text)![1]!.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!);
    assert.ok(commands.includes('completion'));
    for (const command of commands) assert.match(page, new RegExp(`^ +${command}\\b`, 'm'), command);
  });

  it('says of each option what --help says, on both pages', async () => {
    const one = await shown('journald-forwarder.1');
    const five = await shown('journald-forwarder.yaml.5');
    for (const row of options) {
      const sentence = helpOf(row);
      assert.ok(one.includes(` --${row.name}${row.argument === undefined ? '' : ` ${row.argument}`} ${sentence}`), `${row.name}\n${one}`);
      if (row.name !== 'config') assert.ok(five.includes(sentence), row.name);
      assert.equal(environmentNameOf('state-dir'), /JOURNALD_FORWARDER_STATE_DIR/.exec(one)?.[0]);
    }
    for (const [name, { help }] of Object.entries(destinationSettings)) assert.ok(five.includes(help) && new RegExp(` ${name}(\\.NAME)?=`).test(five), name);
  });

  it('has examples that the program takes', async () => {
    const five = pages[1]!.source;
    const yaml = /\.Bd -literal -offset indent\n(unit:.*?)\.Ed/s.exec(five)![1]!;
    const { settings } = await loadedFrom({ file: yaml, env: { CREDENTIALS_DIRECTORY: '/run/credentials' } });
    assert.equal(settings.destinations.length, 3);
    assert.deepEqual(settings.filter.units, ['ssh', 'nginx']);
  });

  it('has the date that it is given', () => {
    for (const { source } of pages) assert.match(source, /^\.Dd February 3, 2026$/m);
  });
});
