/** One metric of an answer to a scrape, with all its series. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads Prometheus' text format, version 0.0.4, and takes nothing that is not in it: throws, with the line's number,
 * where a scraper could object or guess. Stricter than Prometheus in this: every metric has a HELP and a TYPE, before
 * its series, and all series of a metric stand together.
 */
export function parseExposition(text: string): Map<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end with a line feed');
  const families = new Map<string, MetricFamily>();
  const helps = new Map<string, string>();
  const series = new Set<string>();
  let current: MetricFamily | undefined;
  for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
    const refuse = (why: string): never => {
      throw new Error(`Line ${index + 1} (${line}): ${why}`);
    };
    if (line === '') continue;
    if (line.startsWith('# HELP ')) {
      const [, name, help] = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? refuse('not a HELP line');
      if (helps.has(name!)) refuse('a second HELP');
      if (/\\(?![\\n])/.test(help!)) refuse('an unknown escape');
      helps.set(name!, help!);
    } else if (line.startsWith('# TYPE ')) {
      const [, name, type] = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? refuse('not a TYPE line');
      if (families.has(name!)) refuse('a second TYPE');
      current = { name: name!, type: type!, help: helps.get(name!) ?? refuse('no HELP before it'), samples: [] };
      families.set(name!, current);
    } else if (line.startsWith('#')) {
      refuse('a comment');
    } else {
      const sample = parseSample(line, refuse);
      if (current === undefined || !belongs(sample.name, current)) refuse('a series outside of its metric');
      const identity = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (series.has(identity)) refuse('a series for the second time');
      series.add(identity);
      if (current!.type === 'counter' && !(sample.value >= 0 && sample.value < Infinity)) refuse('not a value of a counter');
      current!.samples.push(sample);
    }
  }
  for (const name of helps.keys()) if (!families.has(name)) throw new Error(`${name} has a HELP and no TYPE`);
  for (const family of families.values()) if (family.type === 'histogram') checkBuckets(family);
  return families;
}

/** The value of the one series that has these labels, among others; undefined where there is none. */
export function valueOf(families: ReadonlyMap<string, MetricFamily>, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const found = (families.get(name)?.samples ?? []).filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  if (found.length > 1) throw new Error(`${name} has ${found.length} such series`);
  return found[0]?.value;
}

function parseSample(line: string, refuse: (why: string) => never): ParsedSample {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? refuse('no name');
  let at = name.length;
  const labels: Record<string, string> = {};
  if (line[at] === '{') {
    at += 1;
    while (line[at] !== '}') {
      const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,(?!\})|(?=\}))/y;
      pair.lastIndex = at;
      const [whole, label, value] = pair.exec(line) ?? refuse(`no label at ${at}`);
      if (label! in labels) refuse(`the label ${label!} twice`);
      labels[label!] = value!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
      at += whole.length;
    }
    at += 1;
  }
  const number = /^ (?:([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(NaN)|([+-])Inf)$/.exec(line.slice(at)) ?? refuse('no value');
  const [, digits, nan, sign] = number;
  return { name, labels, value: digits !== undefined ? Number(digits) : nan !== undefined ? NaN : sign === '-' ? -Infinity : Infinity };
}

function belongs(name: string, family: MetricFamily): boolean {
  const suffixes: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };
  return (suffixes[family.type] ?? ['']).some((suffix) => name === family.name + suffix);
}

/** Buckets grow, and the last of them, which is for everything, is the count. */
function checkBuckets({ name, samples }: MetricFamily): void {
  const last = new Map<string, { le: number; count: number }>();
  const identity = ({ labels: { le: _, ...others } }: ParsedSample): string => JSON.stringify(Object.entries(others).sort());
  for (const sample of samples.filter((candidate) => candidate.name === `${name}_bucket`)) {
    const before = last.get(identity(sample)) ?? { le: -Infinity, count: 0 };
    const le = sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le']);
    if (!(le > before.le && sample.value >= before.count)) throw new Error(`The buckets of ${name} are not in order`);
    last.set(identity(sample), { le, count: sample.value });
  }
  for (const sample of samples.filter((candidate) => candidate.name === `${name}_count`)) {
    const { le, count } = last.get(identity(sample)) ?? { le: 0, count: 0 };
    if (le !== Infinity || count !== sample.value) throw new Error(`The last bucket of ${name} is not its count`);
  }
}
