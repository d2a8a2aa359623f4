import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readDestination } from '../../src/config/destination.js';
import { readExcludeMatch, readMatch, readPriority } from '../../src/config/filter.js';
import { readTime } from '../../src/config/time.js';
import { SettingError } from '../../src/core/errors.js';
import type { Written } from '../../src/config/written.js';

/** What a reader makes of a text, or undefined where it refuses the text; anything else that is thrown is a bug. */
function readOrRefused<T>(read: (written: Written) => T, text: string): T | undefined {
  try {
    return read({ text, where: '--x' });
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    assert.match(error.message, /^Invalid --x "[^\p{Cc}]*": [^\p{Cc}]+\.$/u, 'one line, one sentence');
    return undefined;
  }
}

const anything = fc.string({ unit: 'binary', maxLength: 300 });

describe('whatever text is given', () => {
  it('a destination is one with a fit name, or refused in one sentence', () => {
    const url = fc.tuple(fc.constantFrom('tcp://', 'udp://', 'http://', 'https://h/', 'unix:///', 'stdout:', ''), anything, fc.constantFrom('', ':514', '?format=', '?name=', '@h:1')).map((parts) => parts.join(''));
    fc.assert(fc.property(url, (text) => {
      const destination = readOrRefused(readDestination, text);
      if (destination !== undefined) assert.match(destination.name, /^[A-Za-z0-9._-]{1,128}$/);
    }), { numRuns: 2000 });
  });

  it('a password in a URL is never shown', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9?#/:&=]{0,8}$/).map((text) => `${text}zzSECRETzz`);
    const forms = fc.constantFrom('tcp://u:S@h:514', 'tcp://u:S@h', 'udp://S@h:x', 'u:S@h:1', 'https://u:S@h/', 'unix://u:S@/x', 'tcp://u:1?S@h:514', 'stdout:S@h', 'tcp://h:1?token=S', 'tcp://h:1?S', 'https://u:S@h/in', 'https://h/?jf.token=S', 'https://h/?x=1&jf.password=S', 'https://h/?jf.header.Authorization=S', 'https://h/in?jf.S', 'https://S@h');
    fc.assert(fc.property(forms, secret, (form, word) => {
      assert.throws(() => readDestination({ text: form.replace('S', () => word), where: '--to' }), (error: Error) => error instanceof SettingError && !error.message.includes('zzSECRETzz'));
    }));
  });

  it('every pair of a match is read back from its quoted form', () => {
    const pair = fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/), fc.string({ unit: 'grapheme' }));
    fc.assert(fc.property(fc.array(pair, { minLength: 1, maxLength: 5 }), (pairs) => {
      const text = pairs.map(([field, value]) => `${field}="${value.replace(/["\\]/g, '\\$&')}"`).join(' ');
      assert.deepEqual(readMatch({ text, where: '--match' }), pairs.map(([field, value]) => `${field}=${value}`));
    }));
  });

  it('matches, severities and times are values, or refused in one sentence', () => {
    fc.assert(fc.property(anything, (text) => {
      for (const read of [readMatch, readExcludeMatch, readPriority, readTime]) readOrRefused<unknown>(read, text);
    }), { numRuns: 1000 });
  });
});
