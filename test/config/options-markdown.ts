import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { destinationSettings, settingRow } from '../../src/config/destination-settings.js';
import type { SettingName } from '../../src/config/destination-settings.js';
import { environmentNameOf, flagOf, options } from '../../src/config/options.js';
import type { OptionRow } from '../../src/config/options.js';
import { schemes } from '../../src/config/schemes.js';

const page = new URL('../../docs/options.md', import.meta.url);
const begin = (name: string) => `<!-- begin ${name}: made by npx tsx test/config/options-markdown.ts -->`;
const end = (name: string) => `<!-- end ${name} -->`;

/** docs/options.md as it stands. */
export function optionsPage(): string {
  return readFileSync(page, 'utf8');
}

/** docs/options.md as the tables of options and destination settings would have it; its prose stays as it is. */
export function optionsMarkdown(current = optionsPage()): string {
  return withTable(withTable(current, 'options', optionTables()), 'settings', settingTable());
}

function withTable(text: string, name: string, table: string): string {
  const from = text.indexOf(begin(name));
  const to = text.indexOf(end(name));
  if (from < 0 || to < from) throw new Error(`docs/options.md has no place for the ${name}: put "${begin(name)}" and "${end(name)}" into it`);
  return `${text.slice(0, from)}${begin(name)}\n\n${table}\n${text.slice(to)}`;
}

function optionTables(): string {
  const groups = [...new Set(options.map(({ group }) => group))];
  return groups.map((group) => `### ${group}\n\n${tableOf(['option', 'meaning', 'default', 'environment'], options.filter((row) => row.group === group).map(optionCells))}`).join('\n');
}

function optionCells(row: OptionRow): string[] {
  const flag = `\`${flagOf(row.name)}${row.argument === undefined ? '' : ` ${row.argument}`}\``;
  const notes = [...(row.kind === 'list' ? ['Repeatable.'] : []), ...(row.choices === undefined ? [] : [`One of ${row.choices.map((word) => `\`${word}\``).join(', ')}.`])];
  return [flag, [row.help, ...notes].join(' '), row.default === undefined ? (row.defaultNote ?? '') : `\`${row.default}\``, `\`${environmentNameOf(row.name)}\``];
}

function settingTable(): string {
  return tableOf(['setting', 'meaning', 'default', 'destinations', 'formats'], Object.keys(destinationSettings).map((key) => {
    const row = settingRow(key as SettingName);
    return [`\`${key}${row.isKeyed ? '.NAME' : ''}=${row.argument}\``, row.help, row.default, row.schemes.length === Object.keys(schemes).length ? 'all' : row.schemes.join(', '), row.formats?.join(', ') ?? 'all'];
  }));
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`).join('');
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, optionsMarkdown());
