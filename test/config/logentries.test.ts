import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadedFrom } from './settings-of.js';

describe('--to logentries:', () => {
  const rapid7 = 'eu.data.logs.insight.rapid7.com';
  const rows = [
    ['logentries:', {}, rapid7, 443, true, 'logentries'],
    ['logentries:?region=us2', {}, 'us2.data.logs.insight.rapid7.com', 443, true, 'logentries'],
    ['logentries:', { LOGENTRIES_URL: 'old.example:20000' }, 'old.example', 20_000, true, 'logentries'],
    ['logentries:', { LOGENTRIES_URL: 'old.example:80' }, 'old.example', 80, false, 'logentries'],
    ['logentries:?tls=true', { LOGENTRIES_URL: 'old.example:80' }, 'old.example', 80, true, 'logentries'],
    ['logentries://h', { LOGENTRIES_URL: 'old.example:80' }, 'h', 443, true, 'logentries-h-443'],
    ['logentries://h:10000', {}, 'h', 10_000, false, 'logentries-h-10000'],
    ['logentries://h:443?tls=false', {}, 'h', 443, false, 'logentries-h-443'],
  ] as const;
  for (const [url, env, host, port, isSecured, name] of rows) {
    it(`${url}${'LOGENTRIES_URL' in env ? ` with LOGENTRIES_URL=${env.LOGENTRIES_URL}` : ''} goes to ${host}:${port}${isSecured ? ' over TLS' : ''}`, async () => {
      const [destination] = (await loadedFrom({ argv: ['--to', url], env })).settings.destinations;
      assert.ok(destination?.kind === 'logentries');
      assert.deepEqual(destination.address, { host, port });
      assert.equal(destination.tls !== undefined, isSecured);
      assert.equal(destination.name, name);
      assert.equal(destination.label, `logentries://${host}:${port}`);
      assert.equal(destination.encoding.format, 'short');
      assert.deepEqual(destination.token, { setting: 'token', from: { variable: 'LOGENTRIES_TOKEN' } });
    });
  }

  it('takes its token from a file, a variable or the settings file, and shows it nowhere', async () => {
    const token = async (given: Parameters<typeof loadedFrom>[0]) => {
      const [destination] = (await loadedFrom(given)).settings.destinations;
      return destination?.kind === 'logentries' ? destination.token : undefined;
    };
    assert.deepEqual(await token({ argv: ['--to', 'logentries:?tokenFile=/t'] }), { setting: 'tokenFile', from: { file: '/t' } });
    assert.deepEqual(await token({ argv: ['--to', 'logentries:?tokenEnv=T'] }), { setting: 'tokenEnv', from: { variable: 'T' } });
    const text = await token({ file: 'to:\n  - url: "logentries:"\n    token: hunter2\n' });
    assert.ok(text !== undefined && 'text' in text.from && text.from.text.reveal() === 'hunter2');
    assert.doesNotMatch(JSON.stringify(text), /hunter2/);
  });
});
