import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jsonFault, parseJsonEntry } from '../../src/formats/json.js';

function value(json: string): unknown {
  return parseJsonEntry(`{"F":${json}}`)?.get('F');
}

describe('a line of JSON', () => {
  test('is an entry with its cursor and time', () => {
    const entry = parseJsonEntry('{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1604430000000000","MESSAGE":"first"}');
    assert.equal(entry?.cursor, 'c1');
    assert.equal(entry.timestamp, 1604430000000000);
    assert.equal(entry.get('MESSAGE'), 'first');
    assert.deepEqual(entry.bytes('MESSAGE'), Buffer.from('first'));
    assert.deepEqual([...entry.names()], ['__CURSOR', '__REALTIME_TIMESTAMP', 'MESSAGE']);
  });

  test('without cursor and time has an empty one and 0', () => {
    for (const line of ['{}', '{"__REALTIME_TIMESTAMP":"yesterday"}', '{"__REALTIME_TIMESTAMP":null,"__CURSOR":[255]}']) {
      assert.equal(parseJsonEntry(line)?.timestamp, 0);
      assert.equal(parseJsonEntry(line)?.cursor, '');
    }
  });

  test('gives byte values that are UTF-8 as text, and others as bytes', () => {
    assert.equal(value('[27,91,109]'), '\u001b[m');
    assert.deepEqual(value('[255,0]'), Uint8Array.of(255, 0));
  });

  test('gives an array of values as a repeated field, each different value once, in the order of their bytes', () => {
    assert.deepEqual(value('["b","a","b"]'), ['a', 'b']);
    assert.deepEqual(value('["b",[255],[97],null]'), ['a', 'b', Uint8Array.of(255)]);
    assert.deepEqual(parseJsonEntry('{"F":["b","a"]}')?.bytes('F'), Buffer.from('a'));
    assert.equal(value('["same","same"]'), 'same');
    assert.deepEqual(value('[[1],[2]]'), ['\u0001', '\u0002']);
  });

  test('lacks the fields that are null', () => {
    for (const json of ['null', '[]', '[null]']) {
      assert.equal(value(json), undefined);
      assert.equal(parseJsonEntry(`{"F":${json}}`)?.bytes('F'), undefined);
      assert.deepEqual([...(parseJsonEntry(`{"F":${json}}`)?.names() ?? ['?'])], []);
    }
  });

  test('gives what other producers write as text', () => {
    assert.equal(value('17'), '17');
    assert.equal(value('1604430000000000'), '1604430000000000');
    assert.equal(value('-1.5'), '-1.5');
    assert.equal(value('true'), 'true');
    assert.equal(value('{"a":[1]}'), '{"a":[1]}');
    assert.deepEqual(value('[1000,2]'), ['1000', '2']);
    assert.deepEqual(value('[{"a":1},"b"]'), ['b', '{"a":1}']);
    assert.equal(parseJsonEntry('{"__REALTIME_TIMESTAMP":1604430000000000}')?.timestamp, 1604430000000000);
  });

  test('has no fields but its own', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      assert.equal(parseJsonEntry('{}')?.get(name), undefined);
      assert.equal(parseJsonEntry('{}')?.bytes(name), undefined);
    }
    assert.equal(parseJsonEntry('{"__proto__":"mine"}')?.get('__proto__'), 'mine');
  });

  test('may end in a carriage return and have spaces around it', () => {
    assert.equal(parseJsonEntry('  {"F":"x"} \r')?.get('F'), 'x');
  });
});

describe('a line that is no entry', () => {
  for (const [line, fault] of [
    ['', /^not JSON( from character \d+ on)?$/],
    ['plain text', /^not JSON( from character \d+ on)?$/],
    ['{"MESSAGE":"cut', /^not JSON( from character \d+ on)?$/],
    ['{} {}', /^not JSON( from character \d+ on)?$/],
    ['[1]', /^JSON, but an array in place of an object$/],
    ['null', /^JSON, but null in place of an object$/],
    ['"text"', /^JSON, but a string in place of an object$/],
    ['1', /^JSON, but a number in place of an object$/],
  ] as const) {
    test(`is refused with its reason: ${JSON.stringify(line)}`, () => {
      assert.equal(parseJsonEntry(line), undefined);
      assert.match(jsonFault(line), fault);
    });
  }

  test('is not quoted, since what it holds is nobody\'s to read in a log', () => {
    for (const line of ['secret', '{"a": secret', '{"secret"', '["secret"', '"secret"x']) assert.doesNotMatch(jsonFault(line), /secret/);
  });
});
