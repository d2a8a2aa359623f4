// What the one executable file begins with: the program's script, and those beside it, are assets, each one function, with
// what V8 has compiled of it ahead.
const { getRawAsset } = require('node:sea');
const { Script } = require('node:vm');

const asset = (name) => Buffer.from(getRawAsset(name));
const compiled = (name) => new Script(asset(name).latin1Slice(), { filename: name, cachedData: codeCache(name) }).runInThisContext();

const program = { exports: {}, compiled };
compiled('journald-forwarder.cjs')(program.exports, require, program);

/** Undefined for a script of which none was made. */
function codeCache(name) {
  try {
    return asset(`${name}.cache`);
  } catch {
    return undefined;
  }
}
