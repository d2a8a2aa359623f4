import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Contestant } from './contestant.js';

const script = fileURLToPath(new URL('../../bin/journald-forwarder.js', import.meta.url));
/** What `npm run build:binary` makes. */
export const executable = fileURLToPath(new URL(`../../dist/journald-forwarder-linux-${process.arch}`, import.meta.url));

interface Way {
  readonly name: string;
  readonly protocol: 'tcp' | 'http' | 'cloudwatch';
  readonly url: (port: number) => string;
  readonly env?: Readonly<Record<string, string>>;
}

const ways: readonly Way[] = [
  { name: 'tcp RFC 5424', protocol: 'tcp', url: (port) => `tcp://127.0.0.1:${port}` },
  { name: 'tcp JSON', protocol: 'tcp', url: (port) => `tcp://127.0.0.1:${port}?format=json` },
  { name: 'http JSON', protocol: 'http', url: (port) => `http://127.0.0.1:${port}/logs` },
  {
    name: 'cloudwatch JSON',
    protocol: 'cloudwatch',
    url: (port) => `cloudwatch:bench?create=true&endpoint=http://127.0.0.1:${port}`,
    env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'eu-central-1' },
  },
];

/** How this program is started: as a script by this Node.js, and as the single executable. */
export const launchers = {
  node: { program: process.execPath, args: [script], ...(existsSync(fileURLToPath(new URL('../../dist/main.js', import.meta.url))) ? {} : { missing: 'not built: npm run build' }) },
  executable: { program: executable, args: [] as string[], ...(existsSync(executable) ? {} : { missing: 'not built: npm run build:binary' }) },
} as const satisfies Record<string, { readonly program: string; readonly args: readonly string[]; readonly missing?: string }>;

/** This program, with what its user would type: the machine's journal from its head, and where it goes. */
export const ours: readonly Contestant[] = (['node', 'executable'] as const).flatMap((launcher) =>
  // The executable differs in its start and its Node.js alone: two ways tell enough.
  (launcher === 'node' ? ways : ways.slice(0, 2)).map(({ name, protocol, url, env = {} }): Contestant => {
    const { program, args, ...rest } = launchers[launcher];
    return {
      name: `ours ${name}${launcher === 'executable' ? ', executable' : ''}`,
      kind: 'ours',
      protocol,
      ...rest,
      prepare: ({ port, folder }) => ({ program, args: [...args, '--start', 'head', '--no-follow', '--state-dir', folder, '--log-level', 'warn', '--to', url(port)], env }),
    };
  }),
);
