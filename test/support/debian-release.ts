import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { locked } from './locked.js';

/** The releases of Debian that systemd 247, 252 and 257 come with: 11, 12 and 13. */
export type Codename = 'bullseye' | 'bookworm' | 'trixie';

const cache = fileURLToPath(new URL('../../.cache', import.meta.url));
const run = promisify(execFile);

/**
 * The root folder of a small Debian: systemd, the programs of its journal, a shell and the usual small programs, and no
 * Node.js. It can be booted. Its packages come from the mirror that this machine itself uses; they are unpacked (30 MB,
 * about 10 s, once) into `.cache`, and none is installed or set up: what their scripts would do, and a boot needs, is
 * done here. No root is needed. Rejects with one sentence that says what is missing.
 */
export async function debianRelease(codename: Codename): Promise<string> {
  const root = join(cache, `debian-${codename}`);
  await mkdir(cache, { recursive: true });
  await locked(`${root}.lock`, async () => {
    if (!existsSync(root)) await build(codename, root);
  });
  return root;
}

/** What is named here brings what it needs with it. */
const PACKAGES = ['base-files', 'base-passwd', 'bash', 'bsdutils', 'coreutils', 'dash', 'libc-bin', 'libstdc++6', 'systemd', 'systemd-journal-remote', 'util-linux'];
/** What nothing but the packages' own scripts would use. */
const FOR_SCRIPTS = /^(?:adduser|debconf|dpkg|passwd|perl-base|sysvinit-utils|tar)_/;
/** Folders of /usr that Debian's packages may still write to by their old names. */
const MERGED = ['bin', 'lib', 'lib64', 'sbin'];
const NOT_NEEDED = ['doc', 'info', 'locale', 'man'].map((folder) => `--exclude=./usr/share/${folder}`);

async function build(codename: Codename, root: string): Promise<void> {
  const folder = await mkdtemp(`${root}-`);
  try {
    await download(codename, folder);
    const unpacked = join(folder, 'root');
    for (const name of MERGED) {
      await mkdir(join(unpacked, 'usr', name), { recursive: true });
      await symlink(join('usr', name), join(unpacked, name));
    }
    const packages = (await readdir(join(folder, 'archives'))).filter((name) => name.endsWith('.deb') && !FOR_SCRIPTS.test(name));
    const unpack = 'for package; do dpkg-deb --fsys-tarfile "archives/$package" | tar --extract --keep-directory-symlink --no-same-owner $not_needed --directory=root || exit; done';
    await run('bash', ['-o', 'pipefail', '-c', unpack, 'bash', ...packages], { cwd: folder, env: { ...process.env, not_needed: NOT_NEEDED.join(' ') } });
    for (const name of ['passwd', 'group']) await copyFile(join(unpacked, `usr/share/base-passwd/${name}.master`), join(unpacked, 'etc', name));
    await rename(unpacked, root);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function download(codename: Codename, folder: string): Promise<void> {
  const mirror = await ownMirror();
  const apt = await aptFor(folder, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${codename} main\n`);
  try {
    await apt('update');
    await apt('install', '--yes', '--download-only', '--no-install-recommends', ...PACKAGES);
  } catch (cause) {
    const { stderr = '', message } = cause as ExecFileException;
    throw new Error(`Cannot get the packages of Debian ${codename} from ${mirror}: ${(/^E: .*/m.exec(stderr)?.[0] ?? message).trim()}`, { cause });
  }
}

/** The Debian mirror in this machine's sources of packages, as apt itself understands them. */
async function ownMirror(): Promise<string> {
  const { stdout: release } = await run('sh', ['-c', '. /etc/os-release && echo "$VERSION_CODENAME"']);
  const { stdout } = await run('apt-get', ['update', '--print-uris']).catch((cause: unknown) => {
    throw new Error('Cannot run apt-get, which finds the packages of the other systemd releases: this test needs Debian.', { cause });
  });
  const mirror = new RegExp(`^'(.+)/dists/${release.trim()}/main/`, 'm').exec(stdout)?.[1];
  if (mirror === undefined) throw new Error(`The sources of apt-get name no mirror for Debian ${release.trim()}, where the packages of the other systemd releases could be found.`);
  return mirror;
}

/** apt-get with sources, lists and a (lack of) installed packages of its own; it downloads into `folder`. */
async function aptFor(folder: string, sources: string): Promise<(...args: readonly string[]) => Promise<string>> {
  for (const path of ['lists/partial', 'archives/partial']) await mkdir(join(folder, path), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  await writeFile(join(folder, 'sources.list'), sources);
  const settings = {
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
    'APT::Update::Error-Mode': 'any',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return async (...args) => (await run('apt-get', ['-qq', ...options, ...args], { cwd: folder, env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 1 << 24 })).stdout;
}
