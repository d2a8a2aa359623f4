import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Debian's, whatever else the PATH may have. */
const program = '/usr/bin/aws';

/** The keys that the local service knows. */
export const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

/** The AWS command line against the service at a URL: `aws logs ARGS…`, what it prints as an object. In an environment of its own, so that neither a proxy nor anybody's profile has a say. */
export class AwsCli {
  readonly #url: string;

  constructor(url: string) {
    if (!existsSync(program)) throw new Error(`${program} is missing: install the Debian package awscli.`);
    this.#url = url;
  }

  async logs(args: readonly string[], credential: Readonly<Record<string, string>> = KEYS): Promise<Record<string, unknown>> {
    const env = {
      ...credential,
      PATH: '/usr/bin:/bin', HOME: '/nonexistent', LANG: 'C.UTF-8', AWS_PAGER: '', AWS_EC2_METADATA_DISABLED: 'true',
      AWS_DEFAULT_REGION: 'eu-central-1',
    };
    const { stdout } = await run(program, ['--endpoint-url', this.#url, '--output', 'json', 'logs', ...args], { env, maxBuffer: 1 << 26 });
    return stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>);
  }

  /** All events of a group, in its streams' order, however many pages they take. */
  async events(group: string): Promise<readonly { readonly logStreamName: string; readonly timestamp: number; readonly message: string }[]> {
    return (await this.logs(['filter-log-events', '--log-group-name', group]))['events'] as never;
  }
}
