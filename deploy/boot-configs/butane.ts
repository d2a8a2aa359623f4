import { parseDocument } from 'yaml';
import { z } from 'zod';

/**
 * An Ignition config of specification 3.3.0, as pretty JSON, made from a Butane config. It knows what our configs use
 * and no more, and throws at everything else: an unknown key, a mode that was not written in octal, a file without
 * contents. Butane itself, with --strict, makes a config of the same meaning.
 *
 * Contents are written percent-encoded and never compressed, so that one can read what a machine will get.
 */
export function ignitionOf(butane: string, name: string): string {
  const { variant, storage, systemd } = parsed(butane, name);
  const config = {
    ignition: { version: specifications[variant].ignition },
    ...(storage && { storage: { files: storage.files.map(fileOf) } }),
    ...(systemd && { systemd }),
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/** The versions of Butane's specifications from which Ignition 3.3.0 is made (Butane's documentation, Configuration specifications). */
const specifications = {
  flatcar: { butane: '1.0.0', ignition: '3.3.0' },
  fcos: { butane: '1.4.0', ignition: '3.3.0' },
} as const;

const absolutePath = z.string().regex(/^\/(?!.*\/$)/, 'an absolute path is needed');

const fileSchema = z.strictObject({
  path: absolutePath,
  mode: z.int().min(0).max(0o777, 'write the mode in octal, with a leading zero'),
  contents: z.union([
    z.strictObject({ inline: z.string() }),
    z.strictObject({
      source: z.url({ protocol: /^https?$/ }),
      verification: z.strictObject({ hash: z.string().regex(/^(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})$/, 'sha256- or sha512- and the digest are needed') }),
    }),
  ]),
});

const unitSchema = z.strictObject({
  name: z.string().regex(/^[\w@.-]+\.service$/),
  enabled: z.boolean().optional(),
  contents: z.string().optional(),
  dropins: z.array(z.strictObject({ name: z.string().regex(/^[\w@.-]+\.conf$/), contents: z.string() })).optional(),
});

const schema = z
  .strictObject({
    variant: z.enum(['flatcar', 'fcos']),
    version: z.string(),
    storage: z.strictObject({ files: z.array(fileSchema) }).optional(),
    systemd: z.strictObject({ units: z.array(unitSchema) }).optional(),
  })
  .refine(({ variant, version }) => specifications[variant].butane === version, { path: ['version'], error: 'Ignition 3.3.0 is made from flatcar 1.0.0 and from fcos 1.4.0' });

function parsed(butane: string, name: string): z.infer<typeof schema> {
  // Butane reads YAML 1.1, in which 0600 is octal.
  const document = parseDocument(butane, { version: '1.1', prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw new Error(`${name}: this is not YAML: ${problem.message}`);
  const result = schema.safeParse(document.toJS());
  if (!result.success) throw new Error(`${name}:\n${z.prettifyError(result.error)}`);
  return result.data;
}

function fileOf({ path, contents, mode }: z.infer<typeof fileSchema>) {
  return { path, contents: 'inline' in contents ? { source: dataUrl(contents.inline) } : contents, mode };
}

/** RFC 2397. What RFC 3986 does not call unreserved is escaped, also what JavaScript would leave. */
function dataUrl(text: string): string {
  const escaped = encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `data:,${escaped}`;
}
