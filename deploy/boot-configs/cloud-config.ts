import { parseDocument } from 'yaml';
import { z } from 'zod';

/** What reads a cloud-config: CoreOS's own coreos-cloudinit, or cloud-init, whose files have the same first line. */
export type CloudConfigReader = 'coreos-cloudinit' | 'cloud-init';

/** Whose a cloud-config is: only coreos-cloudinit knows the key `coreos`. */
export function readerOf(text: string): CloudConfigReader {
  return /^coreos:/m.test(text) ? 'coreos-cloudinit' : 'cloud-init';
}

/**
 * Throws where a cloud-config does not begin with `#cloud-config`, or has a key or a value that its reader does not
 * know: both readers log that at most, and go on without it.
 */
export function checkCloudConfig(text: string, name: string): void {
  if (!text.startsWith('#cloud-config\n')) throw new Error(`${name}: the first line must be #cloud-config`);
  // Both readers read YAML 1.1.
  const document = parseDocument(text, { version: '1.1', prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw new Error(`${name}: this is not YAML: ${problem.message}`);
  const reader = readerOf(text);
  const result = (reader === 'cloud-init' ? cloudInit : coreosCloudinit).safeParse(reader === 'cloud-init' ? document.toJS() : underscored(document.toJS()));
  if (!result.success) throw new Error(`${name}, for ${reader}:\n${z.prettifyError(result.error)}`);
}

/** coreos-cloudinit takes a - in a key for a _ (config.go, NewCloudConfig). */
function underscored(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(underscored);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.replaceAll('-', '_'), underscored(item)]));
}

const permissions = z.string().regex(/^0?[0-7]{3,4}$/);
const encoding = z.string().regex(/^(base64|b64|gz|gzip|gz\+base64|gzip\+base64|gz\+b64|gzip\+b64)$/);
/** For the keys of which we use none. */
const any = z.unknown().optional();

/**
 * The keys of coreos-cloudinit, from its structures with a `yaml` tag: config.go, file.go and unit.go of its package
 * config, in the last version of CoreOS's and in Flatcar's. etcd, etcd2 and fleet are left out: what read them is gone.
 */
const coreosCloudinit = z.strictObject({
  coreos: z.strictObject({
    flannel: any,
    locksmith: any,
    oem: any,
    update: any,
    units: z.array(
      z.strictObject({
        name: z.string(),
        mask: z.boolean().optional(),
        enable: z.boolean().optional(),
        runtime: z.boolean().optional(),
        content: z.string().optional(),
        command: z.enum(['start', 'stop', 'restart', 'reload', 'try-restart', 'reload-or-restart', 'reload-or-try-restart']).optional(),
        drop_ins: z.array(z.strictObject({ name: z.string(), content: z.string() })).optional(),
      }),
    ),
  }),
  write_files: z.array(z.strictObject({ path: z.string(), permissions, owner: z.string(), content: z.string(), encoding: encoding.optional() })).optional(),
  hostname: any,
  manage_etc_hosts: any,
  ssh_authorized_keys: any,
  users: any,
});

/** Of cloud-init only what we use; its own `cloud-init schema` says whether that is right. */
const cloudInit = z.strictObject({
  write_files: z.array(z.strictObject({ path: z.string(), permissions, owner: z.string(), content: z.string() })),
  runcmd: z.array(z.array(z.string())),
});
