import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import { SettingError } from '../../src/core/errors.js';
import { SecretText, type SecretSettings } from '../../src/core/secret.js';
import { openSecret } from '../../src/secrets/secret.js';

const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const inFile = (file: string): SecretSettings => ({ setting: 'tokenFile', from: { file } });

describe('a secret', () => {
  it('is the content of its file without the line feed at its end, and with every other', async () => {
    for (const [content, text] of [['hunter2', 'hunter2'], ['hunter2\n', 'hunter2'], ['hunter2\r\n', 'hunter2'], [' a\n\n', ' a\n']] as const) {
      assert.equal(await (await openSecret(inFile(write('plain', content)), {})).read(), text);
    }
  });

  it('is read anew each time, so that a file that was replaced counts', async () => {
    const path = write('rotating', 'old');
    const secret = await openSecret(inFile(path), {});
    writeFileSync(path, 'new\n');
    assert.equal(await secret.read(), 'new');
    rmSync(path);
    await assert.rejects(secret.read(), { message: `Cannot read tokenFile=${path}: there is no such file; write the path of one that holds the secret.` });
    writeFileSync(path, 'newer');
    assert.equal(await secret.read(), 'newer');
  });

  it('with a bare name stands in the folder of credentials', async () => {
    write('credential', 'of systemd');
    assert.equal(await (await openSecret(inFile('credential'), { CREDENTIALS_DIRECTORY: folder })).read(), 'of systemd');
  });

  it('can stand in an environment variable, or in the settings themselves', async () => {
    assert.equal(await (await openSecret({ setting: 'tokenEnv', from: { variable: 'LOG_TOKEN' } }, { LOG_TOKEN: 'v\n' })).read(), 'v');
    assert.equal(await (await openSecret({ setting: 'token', from: { text: new SecretText('t') } }, {})).read(), 't');
  });

  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const lacking: Readonly<Record<string, readonly [SecretSettings, string]>> = {
    'a file that is not there': [inFile(join(folder, 'none')), `Cannot read tokenFile=${join(folder, 'none')}: there is no such file; write the path of one that holds the secret.`],
    'a file below a file': [inFile(join(write('plain', 'x'), 'y')), `Cannot read tokenFile=${join(folder, 'plain', 'y')}: there is no such file; write the path of one that holds the secret.`],
    'an empty file': [inFile(write('empty', '\n')), `Cannot read tokenFile=${join(folder, 'empty')}: the file is empty; write the secret into it.`],
    'a folder': [inFile(folder), `Cannot read tokenFile=${folder}: this is not a file; write the path of one that holds nothing but the secret.`],
    'a pipe that nobody writes to': [inFile(pipe), `Cannot read tokenFile=${pipe}: this is not a file; write the path of one that holds nothing but the secret.`],
    'a file that is no secret': [inFile(write('large', 'x'.repeat(65_537))), `Cannot read tokenFile=${join(folder, 'large')}: it has more than 65536 bytes; write the path of a file that holds nothing but the secret.`],
    'a bare name without a folder': [inFile('credential'), 'Cannot read tokenFile=credential: a bare name is looked up in $CREDENTIALS_DIRECTORY, which is not set; write an absolute path, or add LoadCredential= to the unit.'],
    'a variable that is not set': [{ setting: 'tokenEnv', from: { variable: 'LOG_TOKEN' } }, 'Cannot read tokenEnv=LOG_TOKEN: this environment variable is not set, or empty; set it for this process.'],
  };
  for (const [what, [settings, message]] of Object.entries(lacking)) {
    it(`that is ${what} is refused at the start, in one sentence`, async () => {
      await assert.rejects(openSecret(settings, {}), (error) => error instanceof SettingError && error.setting === settings.setting && error.message === message && error.cause === undefined);
    });
  }

  it('shows nothing of itself, however it is printed', () => {
    const text = new SecretText('hunter2');
    for (const shown of [String(text), `${text}`, JSON.stringify({ text }), inspect({ text }, { depth: 9, showHidden: true }), format('%s %o %j', text, text, text), Object.entries(text).join()]) assert.doesNotMatch(shown, /hunter2/);
    assert.equal(text.reveal(), 'hunter2');
  });
});
