// Runs the test files on the Node.js that runs this; the arguments are words, of which a file's path must have one.
// Fails where a test fails, where a file has no test or does not end, where there is no file, and, with CI set, where a
// test is skipped. Without CI, what boots a systemd is left out, and named, where that is not possible. A file that fails
// is run once more when all others are done, alone: on a busy machine real daemons can be late. It counts as it ends
// then, and what failed at first is named at the end, for somebody to mend.
// In the folder $TEST_REPORT it appends "PASSED FAILED" to the file tally, and a line for each failed test to failures,
// for each that passed only when it was run again to late.
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** For a whole file: Node.js 20 has no limit for the single tests of a file in a process of its own. */
const fileTimeoutMs = Number(process.env.TEST_FILE_TIMEOUT_MS ?? 180_000);
/** More than there are processors on a small machine: most tests wait for others most of the time. */
const filesAtATime = 3;

/** Files whose tests boot a systemd, or start a container. */
const BOOTS = /^test\/(systemd\/(booted|releases)|deploy\/(boot-configs-booted|container))\.test\.ts$/;

const words = process.argv.slice(2);
/** Files that are left out: a path of one of them has such a word in it. */
const without = (process.env.TEST_WITHOUT ?? '').split(' ').filter((word) => word !== '');
const strict = !['', '0', 'false', undefined].includes(process.env.CI);
const counts = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };
const failures = [];
const late = [];
const again = [];
const started = performance.now();

const wanted = readdirSync('test', { recursive: true })
  .map((name) => `test/${name}`)
  .filter((file) => file.endsWith('.test.ts') && (words.length === 0 ? !without.some((word) => file.includes(word)) : words.some((word) => file.includes(word))))
  .sort();
const hindrance = strict ? undefined : hindranceToBoot();
const leftOut = hindrance === undefined ? [] : wanted.filter((file) => BOOTS.test(file));
if (leftOut.length > 0) console.log(`Left out, since they boot a systemd, which takes ${hindrance}: ${leftOut.join(', ')}`);
const files = wanted.filter((file) => !leftOut.includes(file));
if (wanted.length === 0) failures.push(`no test file's path has one of these in it: ${words.join(' ')}`);

const reporter = new spec();
reporter.pipe(process.stdout);
const waiting = files.values();
await Promise.all(
  Array.from({ length: filesAtATime }, async () => {
    for (const file of waiting) await runFile(file, true);
  }),
);
for (const file of again) await runFile(file, false);
const durations = { duration_ms: performance.now() - started };
for (const [name, value] of Object.entries({ ...counts, ...durations })) {
  reporter.write({ type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}` } });
}
reporter.end();
await finished(reporter);

const report = process.env.TEST_REPORT;
if (report !== undefined) {
  const lines = (titles) => titles.map((title) => `  ${process.version} ${title}\n`).join('');
  appendFileSync(`${report}/failures`, lines(failures));
  appendFileSync(`${report}/late`, lines(late));
  appendFileSync(`${report}/tally`, `${counts.pass} ${failures.length}\n`);
}
process.exitCode = failures.length === 0 && (counts.pass > 0 || leftOut.length > 0) ? 0 : 1;

/** Why this user cannot boot a systemd on this machine; with CI set, its tests are run all the same, and fail. */
function hindranceToBoot() {
  if (process.getuid() !== 0) return 'root';
  return existsSync('/usr/bin/systemd-nspawn') ? undefined : 'the Debian package systemd-container';
}

/** Runs one file in a process of its own, and reports it as a whole, so that files do not mix. `mayFail`: it gets another chance. */
async function runFile(file, mayFail) {
  const events = [];
  /** Tests that have begun and not ended, outermost first. */
  const open = new Map();
  const controller = new AbortController();
  const deadline = setTimeout(() => controller.abort(), fileTimeoutMs);
  for await (const event of run({ files: [file], signal: controller.signal })) {
    const { name, nesting } = event.data;
    if (event.type === 'test:dequeue') open.set(`${nesting} ${name}`, name);
    if (event.type === 'test:pass' || event.type === 'test:fail') open.delete(`${nesting} ${name}`);
    events.push(event);
  }
  clearTimeout(deadline);

  const hung = controller.signal.aborted;
  const failed = events.filter(({ type, data }) => type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed');
  if (mayFail && (hung || failed.length > 0)) {
    const what = hung ? ['did not end in time'] : failed.map(({ data }) => `${data.name}: ${String(data.details.error?.cause?.stack ?? data.details.error?.cause ?? data.details.error).slice(0, 2000)}`);
    for (const one of what) {
      reporter.write({ type: 'test:diagnostic', data: { nesting: 0, message: `${file} is to be run again: ${one}` } });
      late.push(`${file} › ${one.split('\n', 1)[0]}`);
    }
    again.push(file);
    return;
  }
  let failure;
  if (hung) failure = `did not end within ${fileTimeoutMs} ms${open.size > 0 ? `, in: ${[...open.values()].join(' › ')}` : ''}`;
  /** The titles of the suites around the test that is being reported. */
  const path = [];
  let tests = 0;
  for (const event of events) {
    // Each file has a summary of its own, which ours replaces.
    if (event.type === 'test:summary' || (event.type === 'test:diagnostic' && event.data.nesting === 0 && /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(event.data.message))) continue;
    reporter.write(event);
    if (event.type === 'test:start') path.splice(event.data.nesting, Infinity, event.data.name);
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const title = [file, ...path.slice(0, event.data.nesting), event.data.name].join(' › ');
    // Node.js reports a file as a test where it has none or fails as a whole.
    if (event.data.nesting === 0 && event.data.name.endsWith(file)) {
      if (event.type === 'test:fail') failure ??= reasonOf(event.data);
    } else {
      tests++;
      count(event, title);
    }
  }
  if (tests === 0) failure ??= 'has no tests';
  if (failure === undefined) return;
  counts.fail++;
  failures.push(`${file}: ${failure}`);
}

function count({ type, data }, title) {
  if (data.details.type === 'suite') {
    counts.suites++;
    // What failed in it has been told.
    if (type === 'test:fail' && !['subtestsFailed', 'cancelledByParent'].includes(data.details.error?.failureType)) failures.push(`${title}: ${reasonOf(data)}`);
    return;
  }
  counts.tests++;
  if (data.skip !== undefined && data.skip !== false) {
    counts.skipped++;
    if (strict) failures.push(`${title}: skipped`);
  } else if (data.todo !== undefined && data.todo !== false) {
    counts.todo++;
    if (strict) failures.push(`${title}: still to do`);
  } else if (type === 'test:pass') {
    counts.pass++;
  } else {
    const { failureType } = data.details.error ?? {};
    counts[failureType === 'cancelledByParent' ? 'cancelled' : 'fail']++;
    if (failureType !== 'subtestsFailed') failures.push(`${title}: ${reasonOf(data)}`);
  }
}

function reasonOf({ details: { error } }) {
  return String(error?.cause?.message ?? error?.cause ?? error?.message ?? error).split('\n', 1)[0];
}
