import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { IDaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { parseCommandLine } from '../../src/cli.js';
import type { LoadedSettings } from '../../src/config/load.js';
import { readContainerfile, settingsOf } from '../support/containerfile.js';
import { faultsOf } from '../support/kubernetes-schema.js';
import { filesOf, render, type Manifest } from '../support/kustomization.js';

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
const image = settingsOf(readContainerfile(readFileSync(join(deploy, 'container/Containerfile'), 'utf8')).at(-1)!);
const base = render(join(deploy, 'kubernetes/base'));
const cloudwatch = render(join(deploy, 'kubernetes/cloudwatch'));
const daemonSet = (of(base, 'DaemonSet') as unknown as IDaemonSet).spec!;
const pod = daemonSet.template.spec!;
const [forwarder] = pod.containers as [IContainer];
const [stateFolder] = pod.initContainers as [IContainer];

describe('the Kubernetes manifests', () => {
  it('are what the API takes, with no field that it does not know', () => {
    assert.deepEqual(faultsOf([...base, ...cloudwatch]), []);
  });

  it('would not pass with a misspelt, a missing or a wrong field', () => {
    const broken = (change: (spec: { selector?: unknown; template: { spec: { hostNetworks?: boolean; containers: { ports: { containerPort: unknown }[]; readOnlyFilesystem?: boolean }[] } } }) => void): Manifest => {
      const set = structuredClone(of(base, 'DaemonSet')) as unknown as { readonly spec: Parameters<typeof change>[0] };
      change(set.spec);
      return set as unknown as Manifest;
    };
    const faults = faultsOf([
      broken(({ template }) => void (template.spec.hostNetworks = true)),
      broken(({ template }) => void (template.spec.containers[0]!.readOnlyFilesystem = true)),
      broken((spec) => void delete spec.selector),
      broken(({ template }) => void (template.spec.containers[0]!.ports[0]!.containerPort = 'metrics')),
    ]).join('\n');
    for (const fault of [/"hostNetworks"' does not exist/, /"readOnlyFilesystem"' does not exist/, /must have required property selector/, /containerPort must be integer/]) assert.match(faults, fault);
  });

  it('name every file that lies there', () => {
    for (const folder of ['base', 'cloudwatch']) {
      const path = join(deploy, 'kubernetes', folder);
      assert.deepEqual(readdirSync(path).filter((name) => name !== 'kustomization.yaml').sort(), filesOf(path));
    }
  });

  it('stand in one namespace, and refer to what is there', () => {
    for (const { kind, metadata } of base) assert.equal(kind === 'Namespace' ? metadata.name : metadata.namespace, 'journald-forwarder', kind);
    assert.equal(pod.serviceAccountName, of(base, 'ServiceAccount').metadata.name);
    assert.equal(volume('config').configMap?.name, of(base, 'ConfigMap').metadata.name);
    assert.equal(volume('credentials').secret?.secretName, of(base, 'Secret').metadata.name);
    assert.deepEqual(daemonSet.selector.matchLabels, daemonSet.template.metadata?.labels);
    const mounted = [forwarder, stateFolder].flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
    assert.deepEqual([...new Set(mounted)].sort(), pod.volumes!.map(({ name }) => name).sort());
    for (const container of [forwarder, stateFolder]) assert.equal(container.image, 'registry.example.com/journald-forwarder:0.1.0');
  });

  it('give no right over the API: no role, no token', () => {
    assert.deepEqual([...base, ...cloudwatch].map(({ kind }) => kind).filter((kind) => /Role|Binding/.test(kind)), []);
    assert.equal((of(base, 'ServiceAccount') as { automountServiceAccountToken?: boolean }).automountServiceAccountToken, false);
    assert.equal(pod.automountServiceAccountToken, false);
  });

  it("run as the image's user, without capabilities, with a read-only root, and see of the node what they must", () => {
    const [uid, gid] = image.user.split(':').map(Number);
    assert.deepEqual([pod.securityContext?.runAsUser, pod.securityContext?.runAsGroup, pod.securityContext?.runAsNonRoot], [uid, gid, true]);
    assert.deepEqual(forwarder.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    assert.ok(![pod.hostNetwork, pod.hostPID, pod.hostIPC].includes(true));
    const ofNode = pod.volumes!.flatMap(({ name, hostPath }) => (hostPath === undefined ? [] : [`${hostPath.path} ${mount(forwarder, name).readOnly === true ? 'read' : 'written'} at ${mount(forwarder, name).mountPath}`]));
    assert.deepEqual(ofNode, [
      '/var/log/journal read at /var/log/journal',
      '/run/log/journal read at /run/log/journal',
      '/etc/machine-id read at /etc/machine-id',
      `/var/lib/journald-forwarder written at ${image.env['STATE_DIRECTORY']}`,
    ]);
    // Where it made this folder, the node's journald would no longer keep its journal in memory.
    assert.equal(volume('var-log-journal').hostPath?.type, 'Directory');
  });

  it('prepare the state folder with no right of root but to change owners', () => {
    assert.deepEqual(stateFolder.command, ['/usr/bin/chown', image.user, image.env['STATE_DIRECTORY']]);
    const { capabilities, ...others } = stateFolder.securityContext!;
    assert.deepEqual(capabilities, { drop: ['ALL'], add: ['CHOWN'] });
    assert.deepEqual(others, { runAsNonRoot: false, runAsUser: 0, runAsGroup: 0, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
  });

  it('start the program with settings that it takes, on a node of whatever name', async () => {
    const { settings, warnings } = await loaded(base);
    assert.deepEqual(warnings, []);
    assert.deepEqual(settings.destinations.map(({ name }) => name), ['tcp-syslog.example.com-514']);
    const [toCloudWatch] = (await loaded(cloudwatch)).settings.destinations;
    assert.deepEqual(toCloudWatch?.encoding.json?.addFields, [{ name: 'node', value: 'ip-10-0-0-1.internal' }]);
  });

  it('probe the port that the program listens on, at every address, and wait longer than it takes to stop', async () => {
    const { settings } = await loaded(base);
    const [port] = forwarder.ports!;
    assert.deepEqual(settings.metrics, { host: '0.0.0.0', port: port!.containerPort });
    for (const [probe, path] of [[forwarder.livenessProbe, '/healthz'], [forwarder.readinessProbe, '/readyz']] as const) assert.deepEqual(probe?.httpGet, { path, port: port!.name });
    assert.ok(pod.terminationGracePeriodSeconds! * 1000 > settings.shutdownTimeoutMs);
  });

  it('never have two pods on a node, go to every node, and take no variables from services', () => {
    assert.equal(daemonSet.updateStrategy?.rollingUpdate?.maxSurge, 0);
    assert.deepEqual(pod.tolerations, [{ operator: 'Exists' }]);
    assert.equal(pod.enableServiceLinks, false);
  });

  it('bound the memory of every container, and the processor of none', () => {
    for (const { resources } of [forwarder, stateFolder]) {
      assert.deepEqual([Object.keys(resources?.requests ?? {}), Object.keys(resources?.limits ?? {})], [['cpu', 'memory'], ['memory']]);
    }
  });

  it('give the role of CloudWatch to the service account alone', () => {
    const changed = cloudwatch.filter((manifest, index) => JSON.stringify(manifest) !== JSON.stringify(base[index]));
    assert.deepEqual(changed.map(({ kind }) => kind), ['ServiceAccount', 'ConfigMap']);
    assert.match(of(cloudwatch, 'ServiceAccount').metadata.annotations?.['eks.amazonaws.com/role-arn'] ?? '', /^arn:aws:iam::\d{12}:role\//);
  });
});

function of(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...more] = manifests.filter((manifest) => manifest.kind === kind);
  assert.ok(found !== undefined && more.length === 0, kind);
  return found;
}

function volume(name: string): NonNullable<typeof pod.volumes>[number] {
  return pod.volumes!.find((one) => one.name === name)!;
}

function mount(container: IContainer, name: string): NonNullable<IContainer['volumeMounts']>[number] {
  return container.volumeMounts!.find((one) => one.name === name)!;
}

/** The settings that a pod's program has: its arguments and variables as the kubelet fills them in, the file as the ConfigMap has it. */
async function loaded(manifests: readonly Manifest[]): Promise<LoadedSettings> {
  const [container] = (of(manifests, 'DaemonSet') as unknown as IDaemonSet).spec!.template.spec!.containers as [IContainer];
  const env: Record<string, string> = { ...image.env };
  for (const { name, value, valueFrom } of container.env ?? []) {
    assert.ok(value !== undefined || valueFrom?.fieldRef?.fieldPath === 'spec.nodeName', name);
    env[name] = value ?? 'ip-10-0-0-1.internal';
  }
  const args = container.args!.map((arg) => arg.replaceAll(/\$\((\w+)\)/g, (_, name: string) => env[name]!));
  const files = (of(manifests, 'ConfigMap') as unknown as { readonly data: Readonly<Record<string, string>> }).data;
  const { mountPath } = mount(container, 'config');
  const readFile = (path: string): string => files[path.slice(`${mountPath}/`.length)]!;
  const commandLine = parseCommandLine(args, env, { uid: pod.securityContext!.runAsUser!, homeDirectory: '/', readFile });
  assert.ok(commandLine.command === 'run');
  return commandLine.load();
}
