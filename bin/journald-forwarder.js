#!/usr/bin/env node
// Runs on any Node.js from 10 on, so that an old one gets a sentence instead of a syntax error. CommonJS, which starts sooner.
'use strict';
const { existsSync, readFileSync } = require('fs');
const { dirname, join } = require('path');
const { Script } = require('vm');

const [major, minor] = process.versions.node.split('.').map(Number);
const main = join(__dirname, '../dist/main.js');

if (major < 20 || (major === 20 && minor < 18)) {
  refuse(`journald-forwarder cannot run on Node.js ${process.versions.node}: install version 20.18 or later.`);
} else if (!existsSync(main)) {
  refuse('journald-forwarder has not been built: run npm run build.');
} else {
  run();
}

function run() {
  const module = { exports: {}, compiled };
  compiled(main)(module.exports, require, module, main, dirname(main));
}

/** A script of the build, which is one function: it is wrapped as Node.js wraps a CommonJS module. */
function compiled(file) {
  const source = readFileSync(file);
  return new Script(source.latin1Slice(), { filename: file, cachedData: codeCache(file, source) }).runInThisContext();
}

/**
 * What the build had V8 compile of it, where that was this V8, and it is whole and of this very source: behind it stands
 * the CRC-32 of both, for which Node.js has less to load than for a digest. V8 itself looks whether its flags are the same.
 */
function codeCache(file, source) {
  let cache;
  try {
    cache = readFileSync(`${file}.${process.versions.v8}-${process.arch}.cache`);
  } catch {
    return undefined;
  }
  const end = cache.length - 4;
  if (end < 0) return undefined;
  const { crc32 } = require('zlib');
  const data = cache.subarray(0, end);
  return crc32(data, crc32(source)) === cache.readUInt32BE(end) ? data : undefined;
}

function refuse(sentence) {
  console.error(sentence);
  process.exitCode = 2;
}
