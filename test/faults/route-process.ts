import { MemoryCheckpoint } from '../../src/checkpoint/memory-checkpoint.js';
import { createEncoder } from '../../src/encoders/index.js';
import { createLog } from '../../src/log.js';
import { reasonsNotReady } from '../../src/observe/health.js';
import { Route } from '../../src/pipeline/route.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import { JournalSource } from '../../src/sources/journalctl/index.js';

// Forwards a folder's journal over a path that counts as dead sooner than a user's would: DIRECTORY HOST PORT DEAD_PATH_MS
const [directory = '', host = '', port, deadPathMs] = process.argv.slice(2);
const logger = createLog({ level: 'info', format: 'text', output: process.stderr, journal: false });
const sink = createSyslogStreamSink({ address: { host, port: Number(port) }, framing: 'octet-counting', deadPathMs: Number(deadPathMs), logger });
const route = new Route({
  name: 'there',
  label: 'there',
  source: new JournalSource({ selection: { directory }, program: { path: 'journalctl', environment: process.env }, start: 'head', follow: false, logger }),
  accepts: () => true,
  encoder: createEncoder('rfc5424', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false }),
  sink,
  checkpoints: new MemoryCheckpoint(),
  deadLetters: { write: () => Promise.reject(new Error('nothing is refused here')) },
  logger,
});
// What a monitor would be told.
let last = '';
setInterval(() => {
  const reasons = reasonsNotReady(route.status()).join('; ');
  if (reasons !== last) process.stderr.write(`${reasons === '' ? 'ready' : `not ready: ${reasons}`}\n`);
  last = reasons;
}, 20).unref();
const never = new AbortController().signal;
await route.run(never, never);
