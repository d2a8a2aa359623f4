import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearest } from '../../src/config/nearest.js';

describe('the nearest known name', () => {
  const known = ['unit', 'until', 'since', 'no-follow', 'state-dir', 'maxBytes', 'err'];
  for (const [mistyped, name] of [
    ['unti', 'unit'], ['untl', 'until'], ['unitl', 'until'], ['sinse', 'since'], ['follow', 'no-follow'], ['STATE_DIR', 'state-dir'],
    ['stateDir', 'state-dir'], ['max-bytes', 'maxBytes'], ['maxByte', 'maxBytes'], ['error', 'err'],
  ] as const) {
    it(`to ${mistyped} is ${name}`, () => assert.equal(nearest(mistyped, known), name));
  }

  it('is none where nothing is near', () => {
    for (const mistyped of ['', 'x', 'password', 'frobnicate', 'no']) assert.equal(nearest(mistyped, known), undefined);
  });
});
