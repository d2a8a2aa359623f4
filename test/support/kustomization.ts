import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** An object of the API, as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly [key: string]: unknown;
}

/** As much of kustomize as our manifests use; more is an error, so that nothing is passed over. */
const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  resources: z.array(z.string()),
  patches: z.array(z.strictObject({ path: z.string() })).default([]),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).default([]),
});

/** What `kubectl kustomize FOLDER` prints, in the order of the files. A patch may change what is in mappings only, not a list. */
export function render(folder: string): Manifest[] {
  const { resources, patches, images } = kustomization.parse(parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')));
  let manifests = resources.flatMap((path) => (path.endsWith('.yaml') ? [readManifest(join(folder, path))] : render(join(folder, path))));
  for (const { path } of patches) {
    const patch = readManifest(join(folder, path));
    const isIt = (one: Manifest): boolean => one.apiVersion === patch.apiVersion && one.kind === patch.kind && one.metadata.name === patch.metadata.name && one.metadata.namespace === patch.metadata.namespace;
    if (manifests.filter(isIt).length !== 1) throw new Error(`${join(folder, path)} is a patch of nothing.`);
    manifests = manifests.map((one) => (isIt(one) ? (merged(one, patch) as Manifest) : one));
  }
  for (const { name, newName, newTag } of images) manifests = manifests.map((one) => withImage(one, name, `${newName}:${newTag}`) as Manifest);
  return manifests;
}

/** The files that a folder's kustomization names, those of others that it builds on left out. */
export function filesOf(folder: string): string[] {
  const { resources, patches } = kustomization.parse(parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')));
  return [...resources, ...patches.map(({ path }) => path)].filter((path) => dirname(path) === '.').sort();
}

function readManifest(file: string): Manifest {
  // As the API's own reader of YAML has it, a key that stands twice is an error.
  return parse(readFileSync(file, 'utf8'), { uniqueKeys: true }) as Manifest;
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) {
    if (Array.isArray(patch)) throw new Error('A patch of a list is not understood.');
    return patch;
  }
  const values = Object.entries(patch).map(([key, value]) => [key, merged(isMapping(target) ? target[key] : undefined, value)] as const);
  return { ...(isMapping(target) ? target : {}), ...Object.fromEntries(values) };
}

function withImage(value: unknown, name: string, image: string): unknown {
  if (Array.isArray(value)) return value.map((one) => withImage(one, name, image));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === 'image' && inner === name ? image : withImage(inner, name, image)]));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
