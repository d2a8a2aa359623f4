import { type Summary } from './summary.js';
import { decimals, whole } from './table.js';

const rowHeight = 24;
const barHeight = 15;
const top = 44;
const labelWidth = 250;
const panelWidth = 300;
const gap = 90;

/** Colours that stand out from a white page and from a dark one alike; the text is a grey between both. */
const colours = { floor: '#8b949e', ours: '#2f81f7', peer: '#d29922' } as const;
const readerColour = '#8b949e';
const textColour = '#808890';

/** Two charts of bars beside each other, as SVG: entries a second, and CPU, in which journalctl's part is grey. */
export function chart(summaries: readonly Summary[]): string {
  const height = top + summaries.length * rowHeight + 12;
  const width = labelWidth + 2 * panelWidth + 2 * gap;
  const fastest = Math.max(...summaries.map(({ entriesPerSecond }) => entriesPerSecond), 1);
  const costliest = Math.max(...summaries.map(({ cpuSeconds }) => cpuSeconds), 0.01);
  const cpuLeft = labelWidth + panelWidth + gap;
  const rows = summaries.flatMap(({ name, kind, entriesPerSecond, cpuSeconds, readerCpuSeconds }, index) => {
    const y = top + index * rowHeight;
    const rate = (entriesPerSecond / fastest) * panelWidth;
    const reader = ((kind === 'floor' ? cpuSeconds : readerCpuSeconds) / costliest) * panelWidth;
    const all = (cpuSeconds / costliest) * panelWidth;
    return [
      text(labelWidth - 8, y, name, 'end'),
      bar(labelWidth, y, rate, colours[kind]),
      text(labelWidth + rate + 6, y, whole(entriesPerSecond)),
      bar(cpuLeft, y, reader, readerColour),
      bar(cpuLeft + reader, y, all - reader, colours[kind]),
      text(cpuLeft + all + 6, y, `${decimals(cpuSeconds)} s`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="${textColour}">`,
    '<title>Entries per second, and CPU seconds per 100,000 entries</title>',
    text(labelWidth, 14, 'entries per second'),
    text(cpuLeft, 14, 'CPU seconds per 100,000 entries (grey: journalctl)'),
    ...rows,
    '</svg>\n',
  ].join('\n');
}

function bar(x: number, y: number, width: number, colour: string): string {
  return `<rect x="${decimals(x, 1)}" y="${y}" width="${decimals(Math.max(0, width), 1)}" height="${barHeight}" fill="${colour}"/>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'end' = 'start'): string {
  const escaped = words.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] ?? '');
  return `<text x="${decimals(x, 1)}" y="${y + barHeight - 3}" text-anchor="${anchor}">${escaped}</text>`;
}
