// A TCP proxy that disturbs what passes, as a process of its own in the oracle's network.
//   node chaos-proxy.mjs '{"from": PORT, "to": PORT}'
// A sender cannot know that what a machine on the way has acknowledged reaches the receiver. So what this one has held
// for longer than HELD_MS it delivers, also where it cuts the connection: it drops only what is younger.
import { writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const HELD_MS = 500;
const { from, to } = JSON.parse(process.argv[2]);
const links = new Set();
let isDeaf = false;
let latencyMs = 0;

createServer({ allowHalfOpen: true }, (near) => {
  const link = { near, far: connect({ port: to, host: '127.0.0.1', allowHalfOpen: true }), held: [], isNearDone: false };
  links.add(link);
  if (isDeaf) near.pause();
  near.on('data', (chunk) => {
    link.held.push({ chunk, atMs: performance.now() });
    if (latencyMs === 0 && link.held.length === 1) release(link);
    else setTimeout(() => release(link), latencyMs);
  });
  near.on('end', () => {
    link.isNearDone = true;
    release(link);
  });
  near.on('error', () => {
    for (const { chunk } of link.held.splice(0)) link.far.write(chunk);
    link.far.end();
  });
  link.far.on('error', () => near.resetAndDestroy());
  link.far.on('drain', () => isDeaf || near.resume());
  link.far.on('end', () => near.end());
  link.far.on('close', () => links.delete(link));
  link.far.on('data', (chunk) => near.writable && near.write(chunk));
})
  .on('error', fail)
  .listen({ port: from, host: '127.0.0.1' }, () => say({ listening: true }));

createInterface(process.stdin).on('line', (line) => {
  const { id, ...command } = JSON.parse(line);
  obey(command);
  say({ id });
});

function obey(command) {
  switch (command.do) {
    case 'be-deaf':
      isDeaf = true;
      for (const { near } of links) near.pause();
      break;
    case 'read':
      isDeaf = false;
      for (const { near } of links) near.resume();
      break;
    case 'delay':
      latencyMs = command.latencyMs;
      for (const link of links) release(link);
      break;
    case 'cut':
      for (const link of links) {
        const oldest = performance.now() - HELD_MS;
        for (const { chunk, atMs } of link.held.splice(0)) if (atMs < oldest) link.far.write(chunk);
        links.delete(link);
        link.near.resetAndDestroy();
        link.far.end();
      }
      break;
    case 'finish':
      // To the sender alone; what it has sent still passes.
      for (const { near } of links) near.end();
      break;
  }
}

/** Passes on what has been held for long enough. */
function release(link) {
  const due = performance.now() - latencyMs + 0.5;
  while (link.held.length > 0 && link.held[0].atMs <= due) {
    if (!link.far.write(link.held.shift().chunk)) link.near.pause();
  }
  if (link.isNearDone && link.held.length === 0) link.far.end();
}

function say(answer) {
  writeSync(1, JSON.stringify(answer) + '\n');
}

function fail(error) {
  say({ error: error.message });
  process.exit(1);
}
