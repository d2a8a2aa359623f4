import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Metrics } from '../../src/observe/metrics.js';
import { parseExposition } from '../support/exposition.js';
import { destinationReport } from '../support/route-status.js';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

const dashboard = JSON.parse(readFileSync(new URL('../../deploy/grafana/journald-forwarder.json', import.meta.url), 'utf8')) as { readonly panels: readonly Panel[]; readonly templating: { readonly list: readonly Variable[] } };
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets);
const metrics = parseExposition(await new Metrics(() => Promise.resolve({ destinations: [destinationReport()], deadLetters: new Map(), build: { version: '1', nodeVersion: 'v20' } })).text());

/** What Prometheus itself adds to every series. */
const ADDED_LABELS = ['job', 'instance'];

describe('the Grafana dashboard', () => {
  it('asks only for metrics that are served, by labels that they have', () => {
    const definitions = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
    for (const text of [...queries.map(({ expr }) => expr), ...definitions]) {
      const selectors = [...text.matchAll(/\b((?:journald_forwarder|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
      assert.ok(selectors.length > 0, text);
      for (const [, name, matchers = ''] of selectors) {
        const labels = labelsOf(name!);
        for (const [, label] of matchers.matchAll(/(\w+)=~?"/g)) assert.ok(labels.includes(label!), `${name!} has no label ${label!}: ${text}`);
      }
    }
  });

  it('groups by labels, and names series after labels, that are there', () => {
    for (const { expr, legendFormat } of queries) {
      const labels = [...expr.matchAll(/\b(?:journald_forwarder|process|nodejs)_[a-z0-9_]+/g)].flatMap(([name]) => labelsOf(name));
      const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/, */);
      for (const label of grouped ?? []) assert.ok(labels.includes(label), expr);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) assert.ok((grouped ?? labels).includes(label!), `${legendFormat} of ${expr}`);
    }
  });

  it('takes the rate of counters, and of nothing else', () => {
    for (const { expr } of queries) {
      for (const [name] of expr.matchAll(/\b(?:journald_forwarder|process|nodejs)_[a-z0-9_]+/g)) {
        const isRate = new RegExp(`\\b(rate|increase)\\(${name}\\{`).test(expr);
        assert.equal(isRate, metrics.get(name)!.type === 'counter', expr);
      }
    }
  });

  it('has a variable for each that it uses, the destination among them', () => {
    const defined = dashboard.templating.list.map(({ name }) => name);
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name!);
    assert.deepEqual([...new Set(used)].sort(), [...defined].sort());
    assert.ok(defined.includes('destination'));
  });

  it('shows throughput, lag, errors, restarts, gaps and memory', () => {
    for (const name of ['entries_delivered_total', 'lag_seconds', 'destination_up', 'delivery_retries_total', 'reader_restarts_total', 'gaps_total', 'dead_letters_total', 'checkpoint_age_seconds']) {
      assert.ok(queries.some(({ expr }) => expr.includes(`journald_forwarder_${name}`)), name);
    }
    assert.ok(queries.some(({ expr }) => expr.includes('process_resident_memory_bytes')));
  });

  it('has panels with numbers of their own that do not overlap', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [index, { gridPos: a, title }] of panels.entries()) {
      assert.ok(a.x + a.w <= 24, title);
      for (const { gridPos: b } of panels.slice(index + 1)) assert.ok(a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y, title);
    }
  });
});

function labelsOf(name: string): string[] {
  const family = metrics.get(name);
  assert.ok(family !== undefined, `there is no ${name}`);
  return [...ADDED_LABELS, ...Object.keys(family.samples[0]?.labels ?? {})];
}
