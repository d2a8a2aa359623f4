import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { judge, type Evidence, type Judgement } from './judge.js';
import { Ledger } from './ledger.js';

/** Entry n of the journal was written n seconds after the epoch. */
const truth = new Map(Array.from({ length: 10 }, (_, index) => [index + 1, (index + 1) * 1e6]));

describe('the judge', () => {
  let folder: string;
  let ledger: Ledger;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'judge-'));
    ledger = new Ledger(folder, 'tcp');
  });
  afterEach(async () => {
    await ledger.close();
    await rm(folder, { recursive: true });
  });

  it('finds nothing wrong where every entry is received once, in order', async () => {
    assert.deepEqual((await judged('open a 1000\ngot a 1 2 3 4 5\ngot a 6 7 8 9 10\n')).faults, []);
  });

  it('counts what is neither received nor in the dead letters as missing', async () => {
    const judgement = await judged('open a 1000\ngot a 1 2 4 5 6 7 8 10\n', { deadLetters: new Set([9]) });
    assert.deepEqual(judgement.missing, [3]);
    assert.deepEqual(judgement.faults, ['tcp: 1 entries are missing']);
  });

  it('does not take for received what a killed receiver had not written to the end', async () => {
    assert.deepEqual((await judged('open a 1000\ngot a 1 2 3 4 5 6 7 8 9\ngot a 10')).missing, [10]);
  });

  it('allows what lay after the checkpoint to come again on a new connection, and nothing else', async () => {
    const saved = [{ seenMs: 1500, upToUs: 3e6 }, { seenMs: 2500, upToUs: 10e6 }];
    const records = (again: string): string => `open a 1000\ngot a 1 2 3 4 5 6\nopen b 2000\ngot b ${again}\n`;
    const fair = await judged(records('4 5 6 7 8 9 10'), { saved });
    assert.deepEqual([fair.duplicates, fair.mostDuplicates, fair.faults], [3, 3, []]);
    const unfair = await judged(records('3 4 5 6 7 8 9 10'), { saved });
    assert.deepEqual(unfair.faults, ['tcp: 4 duplicates, where its breaks account for 3']);
  });

  it('minds the order within a connection, for each writer alone', async () => {
    const judgement = await judged('open a 1000\ngot a 1 300000001 2 3 300000002 5 4 6 7 8 9 10\n');
    assert.deepEqual(judgement.misplaced, ['4 after 5 in connection a']);
    assert.deepEqual(judgement.faults, ['tcp: 1 messages came out of order within a connection']);
  });

  it('reports a frame that could not be read', async () => {
    assert.deepEqual((await judged('open a 1000\ngot a 1 2 3 4 5 6 7 8 9 10\nbad a no length\n')).faults, ['tcp: 1 connections had a malformed frame']);
  });

  async function judged(records: string, evidence: Partial<Evidence> = {}): Promise<Judgement> {
    ledger = new Ledger(folder, 'tcp');
    const file = ledger.newFile();
    await rm(file, { force: true });
    await appendFile(file, records);
    await ledger.catchUp();
    return judge(truth, { name: 'tcp', isLossless: true, isOrdered: true, ledger, deadLetters: new Set(), saved: [], ...evidence });
  }
});
