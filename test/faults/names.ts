/** Of a host, a unit, a program and a field that no other entry has, all of them long. */
export function namedFields(n: number): Record<string, string> {
  const tail = 'x'.repeat(100);
  return { _HOSTNAME: `host-${n}-${tail}`, SYSLOG_IDENTIFIER: `program-${n}-${tail}`, _SYSTEMD_UNIT: `unit-${n}-${tail}.service`, _COMM: `c-${n}-${tail}`, [`FIELD_${n}_${'X'.repeat(40)}`]: '1', MESSAGE: `message ${n}` };
}
