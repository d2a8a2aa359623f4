import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { Settings } from '../../src/config/settings.js';
import { loadedFrom } from './settings-of.js';
import type { Given } from './settings-of.js';

async function settingsOf(given: Given): Promise<Settings> {
  return (await loadedFrom(given)).settings;
}

describe('settings', () => {
  it('are complete without any flag, variable or file', async () => {
    assert.deepEqual(await settingsOf({}), {
      source: { from: 'journal', gateway: undefined, directory: undefined, namespace: undefined, allMachines: false, journalctlPath: 'journalctl', start: 'boot', since: undefined, until: undefined, follow: true, reportGaps: false, joinLines: false },
      filter: { units: [], identifiers: [], priority: undefined, matches: [], kernel: false, excludeUnits: [], excludeMatches: [], includeSelf: false },
      destinations: [
        {
          kind: 'stdout', name: 'stdout', label: 'stdout:',
          encoding: { format: 'json', maxBytes: undefined, structuredData: [], appName: undefined, hostname: undefined, facility: undefined, bom: false },
        },
      ],
      state: { directory: '/var/lib/journald-forwarder', checkpoint: false, resetCheckpoint: false },
      log: { level: 'info', format: 'text' },
      metrics: undefined,
      shutdownTimeoutMs: 10_000,
    } satisfies Settings);
  });

  it('come from a flag before the environment, from that before the file, and from that before the default', async () => {
    const file = 'log-level: error';
    const env = { JOURNALD_FORWARDER_LOG_LEVEL: 'warn' };
    assert.equal((await settingsOf({ file })).log.level, 'error');
    assert.equal((await settingsOf({ file, env })).log.level, 'warn');
    assert.equal((await settingsOf({ file, env, argv: ['--log-level', 'debug'] })).log.level, 'debug');
  });

  it('take a list whole from the first place that has it', async () => {
    const { filter } = await settingsOf({ file: 'unit: [a, b]\nidentifier: x', env: { JOURNALD_FORWARDER_UNIT: 'c' } });
    assert.deepEqual(filter.units, ['c']);
    assert.deepEqual(filter.identifiers, ['x']);
  });

  it('say which options were given, and where a file is named by the environment', async () => {
    const { given } = await loadedFrom({ argv: ['--kernel'], env: { JOURNALD_FORWARDER_UNIT: 'a' } });
    assert.deepEqual([...given].sort(), ['kernel', 'unit']);
  });
});

describe('an environment variable', () => {
  it('gives several destinations and units between white space, and one match on each line', async () => {
    const { destinations, filter } = await settingsOf({
      env: {
        JOURNALD_FORWARDER_TO: 'tcp://a:1 udp://b:2\n\nstdout:',
        JOURNALD_FORWARDER_UNIT: ' ssh  cron.service ',
        JOURNALD_FORWARDER_IDENTIFIER: 'my app\r\nother\n',
        JOURNALD_FORWARDER_MATCH: '_UID=0 _PID=1\n_TRANSPORT=kernel',
        JOURNALD_FORWARDER_EXCLUDE_MATCH: 'MESSAGE=disk full',
      },
    });
    assert.deepEqual(destinations.map(({ label }) => label), ['tcp://a:1', 'udp://b:2', 'stdout:']);
    assert.deepEqual(filter.units, ['ssh', 'cron.service']);
    assert.deepEqual(filter.identifiers, ['my app', 'other']);
    assert.deepEqual(filter.matches, [['_UID=0', '_PID=1'], ['_TRANSPORT=kernel']]);
    assert.deepEqual(filter.excludeMatches, [{ field: 'MESSAGE', value: 'disk full' }]);
  });

  it('counts as not given when it is empty', async () => {
    assert.equal((await settingsOf({ file: 'start: head', env: { JOURNALD_FORWARDER_START: ' ' } })).source.start, 'head');
  });

  it('can switch off what the file switches on', async () => {
    const file = 'no-follow: true\nkernel: yes';
    assert.equal((await settingsOf({ file })).source.follow, false);
    const { source, filter } = await settingsOf({ file, env: { JOURNALD_FORWARDER_NO_FOLLOW: '0', JOURNALD_FORWARDER_KERNEL: 'off' } });
    assert.equal(source.follow, true);
    assert.equal(filter.kernel, false);
  });

  it('only warns when nobody knows it, without its value', async () => {
    const { warnings } = await loadedFrom({ env: { JOURNALD_FORWARDER_UNTI: 'hunter2', JOURNALD_FORWARDER_SERVICE_HOST: '10.0.0.1', OTHER: 'x' } });
    assert.deepEqual(warnings, [
      'The environment variable JOURNALD_FORWARDER_UNTI is not known and has no effect; the nearest known one is JOURNALD_FORWARDER_UNIT.',
      'The environment variable JOURNALD_FORWARDER_SERVICE_HOST is not known and has no effect.',
    ]);
  });
});

describe('a file', () => {
  it('gives a destination as a URL, or as a mapping whose settings equal those of the query', async () => {
    const inFile = await settingsOf({
      file: `
to:
  - tcp://loghost:514?format=json
  - url: tcp://other:6514
    format: rfc5424
    framing: lf
    maxBytes: 2048
    structuredData: [_SYSTEMD_UNIT, __CURSOR]
    appName: 007
    facility: local3
    bom: true
    confirmAfterMs: 0
    confirmBytes: 65536
    name: other
`,
    });
    const inQuery = await settingsOf({
      argv: [
        '--to', 'tcp://loghost:514?format=json',
        '--to', 'tcp://other:6514?framing=lf&maxBytes=2048&structuredData=_SYSTEMD_UNIT,__CURSOR&appName=007&facility=19&bom=true&confirmAfterMs=0&confirmBytes=65536&name=other',
      ],
    });
    assert.deepEqual(inFile, inQuery);
    assert.deepEqual(inFile.destinations[1], {
      kind: 'syslog-stream', name: 'other', label: 'tcp://other:6514', address: { host: 'other', port: 6514 }, framing: 'lf', tls: undefined, confirmAfterMs: 0, confirmBytes: 65_536,
      encoding: { format: 'rfc5424', maxBytes: 2048, structuredData: ['_SYSTEMD_UNIT', '__CURSOR'], appName: '007', hostname: undefined, facility: 19, bom: true },
    });
  });

  it('gives what has names of its own as a mapping', async () => {
    const { settings } = await loadedFrom({ file: 'to: [{url: "https://h/", header: {X-Scope: tenant, X-Key: hunter2}, headerFile: {X-Other: /run/other}, token: hunter2}]' });
    const [destination] = settings.destinations;
    assert.ok(destination?.kind === 'http');
    assert.deepEqual(destination.headers.map(({ name, value }) => [name, 'text' in value.from ? value.from.text.reveal() : value.from]), [['X-Scope', 'tenant'], ['X-Key', 'hunter2'], ['X-Other', { file: '/run/other' }]]);
    assert.doesNotMatch(inspect(settings, { depth: 9, showHidden: true }) + JSON.stringify(settings), /hunter2/);
  });

  it('may hold one value in place of a list, and one mapping in place of destinations', async () => {
    const { filter, destinations } = await settingsOf({ file: 'unit: ssh\nto: {url: "udp://a:1", format: cat}' });
    assert.deepEqual(filter.units, ['ssh']);
    assert.equal(destinations[0]?.encoding.format, 'cat');
  });

  it('gives texts as they stand there, numbers included', async () => {
    const { filter, shutdownTimeoutMs } = await settingsOf({ file: 'identifier: [007, 1e3, true]\npriority: 4\nshutdown-timeout: 2m' });
    assert.deepEqual(filter.identifiers, ['007', '1e3', 'true']);
    assert.equal(filter.priority, '4');
    assert.equal(shutdownTimeoutMs, 120_000);
  });

  it('may be empty, all comments, JSON, or have keys without a value', async () => {
    for (const file of ['', '# nothing yet\n', '{}', 'unit:\nstart: null\nto: ~\n']) assert.deepEqual(await settingsOf({ file }), await settingsOf({}));
    assert.equal((await settingsOf({ file: '{"start": "head", "to": ["tcp://a:1"]}' })).source.start, 'head');
  });

  it('is read again on every load', async () => {
    const { parseCommandLine } = await import('../../src/cli.js');
    let content = 'start: head';
    const commandLine = parseCommandLine(['--config', 'config.yaml'], {}, { uid: 0, homeDirectory: '/', readFile: () => content });
    assert.ok('load' in commandLine);
    assert.equal((await commandLine.load()).settings.source.start, 'head');
    content = 'start: now';
    assert.equal((await commandLine.load()).settings.source.start, 'now');
  });
});

describe('the source', () => {
  it('ends at --until even without --no-follow, as journalctl does', async () => {
    const { source } = await settingsOf({ argv: ['--since', '-2h', '--until', '-1h'] });
    assert.deepEqual([source.since, source.until, source.follow], ['-2h', '-1h', false]);
  });

  it('starts where the nearer of --start and --since says', async () => {
    const startWins = await settingsOf({ argv: ['--start', 'head'], file: 'since: yesterday' });
    assert.deepEqual([startWins.source.start, startWins.source.since], ['head', undefined]);
    const sinceWins = await settingsOf({ argv: ['--since', 'yesterday'], file: 'start: head' });
    assert.equal(sinceWins.source.since, 'yesterday');
  });

  it('may be stdin with filters, --kernel and --no-follow', async () => {
    const { source, filter } = await settingsOf({ argv: ['--from', 'stdin', '--kernel', '--unit', 'ssh', '--no-follow'] });
    assert.equal(source.from, 'stdin');
    assert.equal(filter.kernel, true);
  });

  it('may be stdin where a file says false to an option of the journal', async () => {
    assert.equal((await settingsOf({ argv: ['--from', 'stdin'], file: 'all-machines: false' })).source.allMachines, false);
  });
});

describe('the filter', () => {
  for (const [given, expected] of [['err', '3'], ['0', '0'], ['0..4', '0..4'], ['warning..emerg', '0..4'], ['debug', '7'], ['3..notice', '3..5']] as const) {
    it(`takes --priority ${given} as ${expected}`, async () => {
      assert.equal((await settingsOf({ argv: ['--priority', given] })).filter.priority, expected);
    });
  }

  it('takes a match value with spaces in double quotes, and everything else as it stands', async () => {
    const { filter } = await settingsOf({ argv: ['--match', ' MESSAGE="a \\"b\\" c\\\\"  _CMDLINE=a=b EMPTY= ', '--match', 'A=1'] });
    assert.deepEqual(filter.matches, [['MESSAGE=a "b" c\\', '_CMDLINE=a=b', 'EMPTY='], ['A=1']]);
  });

  it('leaves globs and instances of units to journalctl', async () => {
    assert.deepEqual((await settingsOf({ argv: ['--unit', 'getty@*', '--exclude-unit', 'user-[0-9]*.slice'] })).filter.excludeUnits, ['user-[0-9]*.slice']);
  });
});

describe('the state', () => {
  const directoryOf = async (given: Given) => (await settingsOf(given)).state.directory;

  it('lies where the flag, systemd, root\'s custom, XDG or the home directory says', async () => {
    const XDG_STATE_HOME = '/xdg';
    assert.equal(await directoryOf({ argv: ['--state-dir', '/s'], env: { STATE_DIRECTORY: '/a' } }), '/s');
    assert.equal(await directoryOf({ env: { STATE_DIRECTORY: '/a:/b', XDG_STATE_HOME } }), '/a');
    assert.equal(await directoryOf({ env: { XDG_STATE_HOME }, uid: 0 }), '/var/lib/journald-forwarder');
    assert.equal(await directoryOf({ env: { XDG_STATE_HOME }, uid: 1000 }), '/xdg/journald-forwarder');
    assert.equal(await directoryOf({ env: { XDG_STATE_HOME: 'relative' }, uid: 1000 }), '/home/ada/.local/state/journald-forwarder');
  });

  it('holds a checkpoint for what can be read twice and is not a terminal, or where its folder is named', async () => {
    const checkpointOf = async (...argv: string[]) => (await settingsOf({ argv })).state.checkpoint;
    assert.equal(await checkpointOf('--to', 'tcp://a:1'), true);
    assert.equal(await checkpointOf('--to', 'stdout:'), false);
    assert.equal(await checkpointOf('--to', 'stdout:', '--to', 'tcp://a:1'), true);
    assert.equal(await checkpointOf('--to', 'stdout:', '--state-dir', '/s'), true);
    assert.equal(await checkpointOf('--from', 'stdin', '--to', 'tcp://a:1'), false);
    assert.equal(await checkpointOf('--from', 'stdin', '--to', 'tcp://a:1', '--state-dir', '/s'), true);
    assert.equal(await checkpointOf('--to', 'tcp://a:1', '--state-dir', '/s', '--no-checkpoint'), false);
  });
});
