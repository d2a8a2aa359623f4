import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseCommandLine } from '../../src/cli.js';
import { Certificates } from '../support/certificates.js';
import { anchors, commands, fences, links, pages, read, top } from './markdown.js';

describe('every Markdown page', () => {
  for (const page of pages()) {
    it(`${page} has no relative link that leads nowhere`, () => {
      const broken = links(read(page)).filter((target) => !/^(https?|mailto):/.test(target) && !leadsSomewhere(page, target));
      assert.deepEqual(broken, []);
    });
  }

  it('is linked from the README, if it is in docs', () => {
    const linked = new Set(links(read('README.md')));
    assert.deepEqual(pages().filter((page) => page.startsWith('docs/') && !linked.has(page)), []);
  });

  it('shows commands that the program takes', async () => {
    let count = 0;
    for (const page of pages()) {
      for (const words of commands(read(page)).flatMap(forwarderCalls)) {
        await assert.doesNotReject(takes(words), `${page}: ${words.join(' ')}`);
        count += 1;
      }
    }
    assert.ok(count > 20, `only ${count} commands were found`);
  });

  it('shows JSON that is JSON', () => {
    const examples = pages().flatMap((page) => fences(read(page)).filter(({ language }) => language === 'json'));
    assert.ok(examples.length > 0);
    for (const { text } of examples) for (const line of text.trim().split('\n')) assert.doesNotThrow(() => JSON.parse(line) as unknown, line);
  });

  it('shows rsyslog settings that rsyslogd takes', async () => {
    const examples = pages().flatMap((page) => fences(read(page)).filter(({ language }) => language === 'rsyslog'));
    assert.ok(examples.length > 0);
    const folder = await mkdtemp(join(tmpdir(), 'docs-test-'));
    const certificates = new Certificates();
    certificates.issue('server');
    try {
      for (const { text } of examples) {
        const file = join(folder, 'rsyslog.conf');
        // The folder in which rsyslog keeps its queues is made by its package's first start.
        await writeFile(file, text.replaceAll('/var/spool/rsyslog', folder).replaceAll(/\/etc\/ssl(\/loghost)?/g, certificates.folder));
        const { stderr } = await promisify(execFile)('/usr/sbin/rsyslogd', ['-N1', '-f', file]).catch((cause: NodeJS.ErrnoException) => {
          throw cause.code === 'ENOENT' ? new Error('rsyslogd is missing: install the Debian package rsyslog.', { cause }) : cause;
        });
        assert.doesNotMatch(stderr, /error|warning/i, text);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('docs/errors.md', () => {
  it('has every error code of src, and no other', () => {
    // A code that is only compared with is one of Node's.
    const ours = [...source().matchAll(/(?<![!=]== )'(ERR_[A-Z_]*[A-Z])'/g)].map(([, code]) => code!);
    const documented = [...read('docs/errors.md').matchAll(/^\| `(ERR_[A-Z_]+)` \|/gm)].map(([, code]) => code!);
    assert.ok(ours.includes('ERR_SETTING'));
    assert.deepEqual([...documented].sort(), [...new Set(ours)].sort());
  });

  it('quotes sentences that src has', () => {
    const code = source();
    const rows = [...read('docs/errors.md').matchAll(/^\| (?:`ERR_[A-Z_]+` \| (.*?) \||(`.*?) \| (?!an operator).*\|$)/gm)].map(([, sentence, reason]) => (sentence ?? reason)!);
    // What stands between quotes, dots and numbers is literal in both.
    const pieces = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].flatMap(([, quoted]) => quoted!.split(/…|"[^"]*"|\d+/)));
    const literal = pieces.map((piece) => piece.trim()).filter((piece) => /\w{4}/.test(piece));
    assert.ok(literal.length > 30, `only ${literal.length} were found`);
    assert.deepEqual(literal.filter((piece) => !code.includes(piece)), []);
  });
});

/** All of src as one text. */
function source(): string {
  const files = readdirSync(join(top, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.map((name) => readFileSync(join(top, 'src', name), 'utf8')).join('\n');
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (!existsSync(join(top, file))) return false;
  return anchor === undefined || anchors(read(file)).includes(anchor);
}

/** The words after `journald-forwarder` of each call in a line of shell. */
function forwarderCalls(line: string): string[][] {
  const words = [...line.matchAll(/'[^']*'|"[^"]*"|[|<>;&]+|[^\s'"|<>;&]+/g)].map(([word]) => word);
  const calls: string[][] = [];
  for (const [at, word] of words.entries()) {
    const before = words[at - 1];
    const begins = before === undefined || before === 'sudo' || before === 'time' || /^[|;&]/.test(before);
    const isProgram = begins ? word === 'journald-forwarder' : before === 'node' && word === 'bin/journald-forwarder.js';
    if (!isProgram) continue;
    const rest = words.slice(at + 1);
    const end = rest.findIndex((other) => /^[|<>;&]/.test(other));
    calls.push(rest.slice(0, end < 0 ? rest.length : end).map((other) => other.replace(/^(['"])(.*)\1$/s, '$2')));
  }
  return calls;
}

async function takes(words: readonly string[]): Promise<void> {
  const commandLine = parseCommandLine(words, {}, { uid: 0, homeDirectory: '/root', readFile: () => '' });
  if ('load' in commandLine) await commandLine.load();
}
