import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownEntries } from '../../src/observe/own-entries.js';

describe('our own entries', () => {
  const cases: readonly (readonly [string, string | undefined, Readonly<Record<string, string>>])[] = [
    ['a service', '0::/system.slice/journald-forwarder.service\n', { _SYSTEMD_UNIT: 'journald-forwarder.service' }],
    ['a service in a slice of its own', '0::/a.slice/a-b.slice/f@1.service\n', { _SYSTEMD_UNIT: 'f@1.service' }],
    ['a control group below a service', '0::/system.slice/f.service/payload\n', { _SYSTEMD_UNIT: 'f.service' }],
    ['a service below a delegated one', '0::/system.slice/docker.service/system.slice/f.service\n', { _SYSTEMD_UNIT: 'docker.service' }],
    ['a service of the first version of control groups', '12:cpu:/system.slice/x.service\n1:name=systemd:/system.slice/f.service\n0::/\n', { _SYSTEMD_UNIT: 'f.service' }],
    ['a service of a user', '0::/user.slice/user-1000.slice/user@1000.service/app.slice/f.service\n', { _SYSTEMD_UNIT: 'user@1000.service', _SYSTEMD_USER_UNIT: 'f.service' }],
    ['a scope of a user, which holds other programs too', '0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-1.scope\n', { _PID: '42' }],
    ['a login session', '0::/user.slice/user-1000.slice/session-3.scope\n', { _PID: '42' }],
    ['a container', '0::/\n', { _PID: '42' }],
    ['no control group', undefined, { _PID: '42' }],
    ['something that is no control group', 'x.service\n:::\n', { _PID: '42' }],
  ];
  for (const [where, cgroup, expected] of cases) {
    test(`are told by trusted fields in ${where}`, () => assert.deepEqual(ownEntries({ stderrIsJournal: true, cgroup, pid: 42 }), expected));
  }

  test('do not come back where our stderr does not lead to the journal', () => {
    assert.equal(ownEntries({ stderrIsJournal: false, cgroup: '0::/system.slice/f.service\n', pid: 42 }), undefined);
  });
});
