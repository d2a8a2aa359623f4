import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const top = fileURLToPath(new URL('../..', import.meta.url));

describe('the npm package', () => {
  let folder: string;
  let files: readonly string[];

  const run = async (program: string, ...argv: string[]): Promise<string> => {
    // Nothing of the npm that may run this test; but without NODE_EXTRA_CA_CERTS npm trusts no registry that only this machine's authorities vouch for.
    const own = Object.entries(process.env).filter(([name]) => !/^(JOURNALD_FORWARDER_|npm_|NODE_(?!EXTRA_CA_CERTS$))/.test(name));
    const env = { ...Object.fromEntries(own), PATH: [join(folder, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(':'), npm_config_update_notifier: 'false' };
    return (await promisify(execFile)(program, argv, { cwd: top, env })).stdout;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'package-test-'));
    // What was built for all tests: others use it at this moment, so it is not built anew.
    const [packed] = JSON.parse(await run('npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)) as { filename: string; files: { path: string }[] }[];
    files = packed!.files.map(({ path }) => path);
    await run('npm', 'install', '--global', '--prefix', folder, '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed!.filename));
  }, { timeout: 120_000 });
  after(() => rm(folder, { recursive: true, force: true }));

  it('holds what is run, read and deployed, and neither sources nor tests', () => {
    for (const path of ['bin/journald-forwarder.js', 'dist/main.js', 'dist/demo/sample.journal.gz', 'dist/commit', 'dist/man/journald-forwarder.1', 'LICENSE', 'README.md', 'CHANGELOG.md', 'docs/options.md', 'systemd/journald-forwarder.service', 'systemd/config.yaml', 'cloud-config/journald-forwarder.yaml', 'deploy/grafana/journald-forwarder.json', 'deploy/aws/iam-policy.json']) {
      assert.ok(files.includes(path), path);
    }
    assert.deepEqual(files.filter((path) => /\.(?:ts|mjs|cjs|tgz)$|^(?:src|test|bench|node_modules|\.)|linux-x64|linux-arm64/.test(path)), []);
  });

  it('puts the program on the PATH, which says of which version and commit it is', async () => {
    const { version } = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as { version: string };
    const commit = (await readFile(join(top, 'dist/commit'), 'utf8')).trim();
    assert.match(commit, /^[0-9a-f]{12}(?:\+changes)?$|^unknown commit$/);
    assert.equal(await run('journald-forwarder', '--version'), `${version} (${commit})\n`);
    assert.ok((await realpath(join(folder, 'bin/journald-forwarder'))).startsWith(join(await realpath(folder), 'lib/node_modules/journald-forwarder/')));
  });

  it('forwards the sample journal, with packages that npm has chosen', async () => {
    assert.match(await run('journald-forwarder', 'demo'), /Everything arrived, once and in order\.\n$/);
  });

  it('puts the manual where man finds it', async () => {
    for (const [section, page] of [['1', 'journald-forwarder'], ['5', 'journald-forwarder.yaml']] as const) {
      const path = (await run('man', '-M', join(folder, 'share/man'), '-w', section, page)).trim();
      assert.ok(existsSync(path) && path.startsWith(folder), path);
      assert.match(await readFile(path, 'utf8'), /^\.Sh NAME$/m);
    }
  });

  it('prints a completion that its shell can read', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = join(folder, shell);
      await writeFile(script, await run('journald-forwarder', 'completion', shell));
      assert.match(await readFile(script, 'utf8'), new RegExp(`Made by: journald-forwarder completion ${shell}\n`));
      await run(shell, '-n', script);
    }
  });
});
