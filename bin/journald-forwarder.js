#!/usr/bin/env node
// Runs on any Node that knows ES modules, so that an old one gets a sentence instead of a syntax error.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/main.js', import.meta.url);

if (major < 20 || (major === 20 && minor < 18)) {
  refuse(`journald-forwarder cannot run on Node.js ${process.versions.node}: install version 20.18 or later.`);
} else if (!existsSync(main)) {
  refuse('journald-forwarder has not been built: run npm run build.');
} else {
  await import(main.href);
}

function refuse(sentence) {
  console.error(sentence);
  process.exitCode = 2;
}
