import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { timestampOf } from '../../src/config/time.js';
import { loadedFrom } from './settings-of.js';

describe('--from gateway:', () => {
  const tcp = (host: string, port = 19_531, basePath = '') => ({ host, port, basePath });
  const places = [
    ['gateway:/run/journald.sock', 'gateway:/run/journald.sock', { socketPath: '/run/journald.sock' }],
    ['gateway:unix:///run/my%20journald.sock', 'gateway:/run/my journald.sock', { socketPath: '/run/my journald.sock' }],
    ['gateway:http://Log-1:80', 'gateway:http://log-1:80', tcp('log-1', 80)],
    ['gateway:http://log-1', 'gateway:http://log-1:19531', tcp('log-1')],
    ['gateway:http://proxy:8080/journal/', 'gateway:http://proxy:8080/journal', tcp('proxy', 8080, '/journal')],
    ['gateway:https://[::1]?insecure=true', 'gateway:https://[::1]:19531', tcp('::1')],
    ['gateway:log-1:19531', 'gateway:http://log-1:19531', tcp('log-1')],
  ] as const;
  for (const [text, label, address] of places) {
    it(`${text} is shown as ${label}`, async () => {
      const { settings } = await loadedFrom({ argv: ['--from', text] });
      assert.equal(settings.source.from, 'gateway');
      assert.equal(settings.source.gateway?.label, label);
      assert.deepEqual(settings.source.gateway?.address, address);
    });
  }

  it('has the settings of TLS in its query', async () => {
    const { settings } = await loadedFrom({ argv: ['--from', 'gateway:https://h?ca=/ca.pem&cert=c&key=k&serverName=Log.Example'] });
    assert.deepEqual(settings.source.gateway?.tls, { ca: '/ca.pem', cert: 'c', key: 'k', serverName: 'log.example', insecure: false });
  });

  it('takes its place from LOGENTRIES_JOURNAL_SOCKET where it has none of its own', async () => {
    const env = { LOGENTRIES_JOURNAL_SOCKET: '/run/journald.sock' };
    assert.equal((await loadedFrom({ argv: ['--from', 'gateway:'], env })).settings.source.gateway?.label, 'gateway:/run/journald.sock');
    assert.equal((await loadedFrom({ argv: ['--from', 'gateway:/own'], env })).settings.source.gateway?.label, 'gateway:/own');
    assert.equal((await loadedFrom({ env })).settings.source.from, 'journal');
    assert.equal((await loadedFrom({ argv: ['--from', 'gateway:'], env: { LOGENTRIES_JOURNAL_SOCKET: 'log-1:80' } })).settings.source.gateway?.label, 'gateway:http://log-1:80');
  });

  it('keeps a checkpoint, and turns --since into a time that the gateway knows', async () => {
    const { settings } = await loadedFrom({ argv: ['--from', 'gateway:/s', '--to', 'tcp://h:1', '--since', '2026-11-20T08:00:00.25Z', '--report-gaps'] });
    assert.equal(settings.source.since, '@1795161600.250000');
    assert.equal(settings.state.checkpoint, true);
  });

  it('reads a time as journalctl does', () => {
    const now = new Date(2026, 10, 20, 12, 0, 0);
    const local = (...parts: [number, number, number, number?, number?, number?]) => `@${new Date(...(parts as [number, number, number])).getTime() / 1000}.000000`;
    assert.equal(timestampOf('@5.25', now), '@5.25');
    assert.equal(timestampOf('yesterday', now), `${local(2026, 10, 19).slice(0, -3)}000`);
    assert.equal(timestampOf('2026-11-20', now), local(2026, 10, 20));
    assert.equal(timestampOf('Fri 26-11-20 08:30', now), `@${new Date(2026, 10, 20, 8, 30).getTime() / 1000}.000000`);
    assert.equal(timestampOf('08:30:01.5', now), `@${new Date(2026, 10, 20, 8, 30, 1).getTime() / 1000}.500000`);
    assert.equal(timestampOf('2026-11-20 08:00 Europe/Berlin', now), undefined);
  });
});
