import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const top = fileURLToPath(new URL('../../', import.meta.url));

/** Every Markdown file of the repository, as paths from its top. */
export function pages(): string[] {
  const found = (folder: string): string[] =>
    readdirSync(join(top, folder), { withFileTypes: true }).flatMap((item) => {
      const path = join(folder, item.name);
      if (item.isDirectory()) return ignored.has(item.name) ? [] : found(path);
      return item.name.endsWith('.md') ? [path] : [];
    });
  return found('.').sort();
}

export function read(path: string): string {
  return readFileSync(join(top, path), 'utf8');
}

export interface Fence {
  /** What stands behind the opening backquotes. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page, without their indentation. */
export function fences(markdown: string): Fence[] {
  return [...markdown.matchAll(fencePattern)].map(([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The commands of a page's shell blocks: a line each, lines that end in a backslash joined, comments left out. */
export function commands(markdown: string): string[] {
  return fences(markdown)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The targets of a page's links. */
export function links(markdown: string): string[] {
  const prose = markdown.replaceAll(fencePattern, '').replaceAll(/`[^`\n]*`/g, (code) => (code.includes('](') ? '' : code));
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target!);
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors(markdown: string): string[] {
  const headings = [...markdown.replaceAll(fencePattern, '').matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, text]) => text!.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'));
}

const ignored = new Set(['node_modules', 'dist', '.cache', '.git']);
const fencePattern = /^([ \t]*)```([\w-]*)\n(.*?)^[ \t]*```$/gms;
