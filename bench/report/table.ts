import { type Summary } from './summary.js';

/** The contest as a table in Markdown. */
export function table(summaries: readonly Summary[]): string {
  const rows = summaries.map((summary) => [
    summary.name,
    `${whole(summary.entriesPerSecond)} (${whole(summary.slowest)} to ${whole(summary.fastest)})`,
    decimals(summary.ratio),
    decimals(summary.cpuSeconds),
    summary.kind === 'floor' ? '' : decimals(summary.ownCpuSeconds),
    summary.kind === 'floor' || summary.readerCpuSeconds === 0 ? '' : decimals(summary.readerCpuSeconds),
    whole(summary.anonymousMiB),
    summary.missing === undefined ? '' : whole(summary.missing),
    summary.duplicates === undefined ? '' : whole(summary.duplicates),
  ]);
  return markdownTable(['who', 'entries/s (slowest to fastest)', '× floor', 'CPU s per 100,000', 'own', "journalctl's", 'own memory MiB', 'missing', 'duplicates'], rows, 1);
}

/** `text` columns stand left, numbers right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], text: number): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`.replace(/ {2,}/g, ' ');
  return [line(head), line(head.map((_, column) => (column < text ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** `12,345` */
export function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : 'none';
}

export function decimals(value: number | undefined, digits = 2): string {
  return value === undefined ? '' : value.toFixed(digits);
}
