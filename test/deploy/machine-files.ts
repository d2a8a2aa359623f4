import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** A file as a boot config would have it on the machine. */
export interface MachineFile {
  readonly path: string;
  readonly mode: number;
  /** Undefined where the machine fetches it. */
  readonly text?: string;
  readonly source?: string;
  /** `sha256-…` of what is fetched. */
  readonly hash?: string;
}

/** A file of the repository's. */
export function repositoryFile(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
}

/** Every file that a machine has after it has read a boot config: a cloud-config or an Ignition file. Units are files too. */
export function machineFiles(path: string): MachineFile[] {
  return path.endsWith('.ign') ? filesOfIgnition(JSON.parse(repositoryFile(path)) as Ignition) : filesOfCloudConfig(parse(repositoryFile(path)) as CloudConfig);
}

interface Ignition {
  readonly storage: { readonly files: readonly { readonly path: string; readonly mode: number; readonly contents: { readonly source: string; readonly verification?: { readonly hash: string } } }[] };
  readonly systemd: { readonly units: readonly { readonly name: string; readonly contents: string; readonly dropins: readonly { readonly name: string; readonly contents: string }[] }[] };
}

function filesOfIgnition({ storage, systemd }: Ignition): MachineFile[] {
  const files = storage.files.map(({ path, mode, contents: { source, verification } }): MachineFile =>
    source.startsWith('data:,') ? { path, mode, text: decodeURIComponent(source.slice('data:,'.length)) } : { path, mode, source, ...(verification ?? {}) });
  return [...files, ...systemd.units.flatMap(({ name, contents, dropins }) => unitFiles(name, contents, dropins.map((dropin) => ({ name: dropin.name, text: dropin.contents }))))];
}

interface CloudConfig {
  readonly write_files: readonly { readonly path: string; readonly permissions: string; readonly content: string }[];
  readonly coreos?: { readonly units: readonly { readonly name: string; readonly content: string; readonly 'drop-ins': readonly { readonly name: string; readonly content: string }[] }[] };
}

function filesOfCloudConfig({ write_files, coreos }: CloudConfig): MachineFile[] {
  const files = write_files.map(({ path, permissions, content }): MachineFile => ({ path, mode: Number.parseInt(permissions, 8), text: content }));
  return [...files, ...(coreos?.units ?? []).flatMap((unit) => unitFiles(unit.name, unit.content, unit['drop-ins'].map(({ name, content }) => ({ name, text: content }))))];
}

function unitFiles(name: string, text: string, dropIns: readonly { readonly name: string; readonly text: string }[]): MachineFile[] {
  const place = `/etc/systemd/system/${name}`;
  return [{ path: place, mode: 0o644, text }, ...dropIns.map((dropIn) => ({ path: `${place}.d/${dropIn.name}`, mode: 0o644, text: dropIn.text }))];
}
