import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { createEncoder, type Format } from '../../src/encoders/index.js';
import { createFilter } from '../../src/pipeline/filter.js';
import { heldHeapBytes } from '../support/collect-garbage.js';
import { entryOf } from '../support/entry.js';
import { namedFields } from './names.js';

describe('25,000 different names of hosts, units, programs and fields', () => {
  it('leave no memory of them in encoders and filters', async () => {
    const formats: readonly Format[] = ['rfc5424', 'rfc3164', 'json', 'short', 'cat'];
    const encoders = formats.map((format) => createEncoder(format, { maxMessageBytes: undefined, singleLine: false, structuredData: ['_COMM'], bom: false }));
    const filter = createFilter({ units: ['unit-*'], excludeUnits: ['none@*'], identifiers: ['none'], excludeMatches: [{ field: 'MESSAGE', value: 'none' }] });
    const out = new ByteWriter();
    const meet = (first: number, count: number): void => {
      for (let n = first; n < first + count; n++) {
        const entry = entryOf(namedFields(n));
        for (const encoder of encoders) encoder.encode(entry, out);
        filter.accepts(entry);
        out.clear();
      }
    };
    meet(0, 5000);
    const before = await heldHeapBytes();
    meet(5000, 20_000);
    const grown = (await heldHeapBytes()) - before;
    // A cache of one of these names would hold 3 MB of them by now.
    assert.ok(grown < 1_000_000, `${grown} bytes more`);
  });
});
