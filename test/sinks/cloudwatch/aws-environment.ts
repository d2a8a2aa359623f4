const environment = { ...process.env };

/** Gives the AWS SDK these keys, and nothing else to find credentials, regions or proxies by; empty ones for none. */
export function keysOf(accessKeyId: string, secretAccessKey: string, sessionToken = ''): void {
  forgetAws();
  if (accessKeyId !== '') process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
  if (secretAccessKey !== '') process.env['AWS_SECRET_ACCESS_KEY'] = secretAccessKey;
  if (sessionToken !== '') process.env['AWS_SESSION_TOKEN'] = sessionToken;
}

/** Gives the AWS SDK credentials from an address, as a task of ECS or a pod of EKS has them. */
export function credentialsFrom(url: string): void {
  forgetAws();
  process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = url;
}

export function restoreEnvironment(): void {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
}

function forgetAws(): void {
  for (const name of Object.keys(process.env)) if (/^AWS_|_proxy$/i.test(name)) delete process.env[name];
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  process.env['AWS_CONFIG_FILE'] = '/dev/null';
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/dev/null';
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
}
