import { readFile } from 'node:fs/promises';

/** This machine's id, machine-id(5); undefined where there is none (a container without one). */
export async function machineId(): Promise<string | undefined> {
  return firstLine('/etc/machine-id', /^[0-9a-f]{32}$/);
}

/** The id of the boot that is running, as the journal's `_BOOT_ID` has it. */
export async function bootId(): Promise<string | undefined> {
  const id = await firstLine('/proc/sys/kernel/random/boot_id', /^[0-9a-f-]{36}$/);
  return id?.replaceAll('-', '');
}

async function firstLine(path: string, form: RegExp): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return form.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
