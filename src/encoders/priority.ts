import { FieldSlice, type Entry } from '../core/entry.js';

/** The fields that `priorityOf` reads. */
export const priorityFields = ['PRIORITY', 'SYSLOG_FACILITY', '_TRANSPORT'] as const;

/**
 * PRI (RFC 5424 section 6.2.1): facility × 8 + severity, 0 to 191.
 *
 * Severity is PRIORITY where it is one digit from 0 to 7, else 6 (info), which is what journalctl takes it for.
 * Facility is `fixed` where it is given; 0 (kernel) for `_TRANSPORT=kernel` whatever the entry says; SYSLOG_FACILITY
 * where it is a number from 0 to 23; else 1 (user), as rsyslog's imjournal and systemd-netlogd have it. For what
 * services write to stdout journald itself sets 3 (daemon); where it did not (systemd-cat), user it is.
 */
export function priorityOf(entry: Entry, fixed: number | undefined): number {
  return (fixed ?? facilityOf(entry)) * 8 + severityOf(entry);
}

export function severityOf(entry: Entry): number {
  if (!value.find(entry, 'PRIORITY') || value.length !== 1) return defaultSeverity;
  const severity = (value.bytes[value.from] as number) - 0x30;
  return severity >= 0 && severity <= 7 ? severity : defaultSeverity;
}

export function facilityOf(entry: Entry): number {
  if (value.find(entry, '_TRANSPORT') && isKernel(value)) return 0;
  if (!value.find(entry, 'SYSLOG_FACILITY') || value.length < 1 || value.length > 2) return defaultFacility;
  let facility = 0;
  for (let i = value.from; i < value.to; i++) {
    const digit = (value.bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return defaultFacility;
    facility = facility * 10 + digit;
  }
  return facility <= 23 ? facility : defaultFacility;
}

const defaultSeverity = 6;
const defaultFacility = 1;
const kernel = 'kernel';
const value = new FieldSlice();

function isKernel({ bytes, from, length }: FieldSlice): boolean {
  if (length !== kernel.length) return false;
  for (let i = 0; i < kernel.length; i++) {
    if (bytes[from + i] !== kernel.charCodeAt(i)) return false;
  }
  return true;
}
