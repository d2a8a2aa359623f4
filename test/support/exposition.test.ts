import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExposition, valueOf } from './exposition.js';

const head = '# HELP a_total What it is.\n# TYPE a_total counter\n';

describe('the parser of Prometheus\' text format', () => {
  it('reads names, labels with escapes, and every form of a number', () => {
    const families = parseExposition(`${head}a_total{x="q\\"b\\\\n\\n",y=""} 1.5e3\n\n# HELP g G.\n# TYPE g gauge\ng{i="1"} NaN\ng{i="2"} +Inf\ng{i="3"} -.5\n`);
    assert.deepEqual(families.get('a_total'), { name: 'a_total', type: 'counter', help: 'What it is.', samples: [{ name: 'a_total', labels: { x: 'q"b\\n\n', y: '' }, value: 1500 }] });
    assert.deepEqual([valueOf(families, 'g', { i: '1' }), valueOf(families, 'g', { i: '2' }), valueOf(families, 'g', { i: '3' }), valueOf(families, 'g', { i: '4' })], [NaN, Infinity, -0.5, undefined]);
  });

  for (const [what, text] of [
    ['no line feed at the end', `${head}a_total 1`],
    ['a series without TYPE', 'a 1\n'],
    ['a TYPE without HELP', '# TYPE a gauge\na 1\n'],
    ['a HELP without TYPE', '# HELP a A.\n'],
    ['a second TYPE', `${head}# TYPE a_total counter\n`],
    ['an unknown type', '# HELP a A.\n# TYPE a number\n'],
    ['a series twice', `${head}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 2\n`],
    ['a label twice', `${head}a_total{x="1",x="2"} 1\n`],
    ['a series of another metric in between', `${head}b 1\n`],
    ['a counter below 0', `${head}a_total -1\n`],
    ['a counter that is no number', `${head}a_total NaN\n`],
    ['a value that is no number', `${head}a_total 1x\n`],
    ['no value', `${head}a_total\n`],
    ['a bad name', '# HELP a-b A.\n# TYPE a-b gauge\na-b 1\n'],
    ['a bad label', `${head}a_total{a-b="1"} 1\n`],
    ['a bad escape', `${head}a_total{x="\\t"} 1\n`],
    ['a label without an end', `${head}a_total{x="1} 1\n`],
    ['a comma at the end', `${head}a_total{x="1",} 1\n`],
    ['buckets that shrink', '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'],
    ['no last bucket', '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseExposition(text));
    });
  }
});
