/**
 * The trusted fields that tell our own entries, so that a forwarder does not forward what it says of forwarding:
 * those of our unit where we are a service, else those of our process. Only trusted fields (systemd.journal-fields(7)):
 * the others are anybody's to write. Undefined where our stderr does not go to the journal.
 */
export function ownEntries(options: {
  readonly stderrIsJournal: boolean;
  /** The text of /proc/self/cgroup. */
  readonly cgroup: string | undefined;
  readonly pid: number;
}): Readonly<Record<string, string>> | undefined {
  if (!options.stderrIsJournal) return undefined;
  return serviceOf(options.cgroup ?? '') ?? { _PID: String(options.pid) };
}

/**
 * The service whose control group this is, from cgroups(7): `0::/system.slice/NAME.service` or `1:name=systemd:/…`.
 * As journald does: the first unit below the slices, and where that is a user's manager, the first below it and its
 * slices. Not a scope: that holds whatever else its user runs.
 */
function serviceOf(cgroup: string): Readonly<Record<string, string>> | undefined {
  const path = /^(?:0::|\d+:name=systemd:)(\/.+)$/m.exec(cgroup)?.[1] ?? '';
  const [unit, ...below] = path.split('/').filter((part) => part !== '' && !part.endsWith('.slice'));
  if (unit === undefined || !unit.endsWith('.service')) return undefined;
  if (!/^user@\d+\.service$/.test(unit)) return { _SYSTEMD_UNIT: unit };
  return below[0]?.endsWith('.service') === true ? { _SYSTEMD_UNIT: unit, _SYSTEMD_USER_UNIT: below[0] } : undefined;
}
