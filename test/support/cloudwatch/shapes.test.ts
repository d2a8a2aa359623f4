import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Shape, inputs } from './shapes.js';

interface Model {
  readonly operations: Readonly<Record<string, { readonly input: { readonly shape: string } }>>;
  readonly shapes: Readonly<Record<string, ModelShape>>;
}

interface ModelShape {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
}

/** Came into AWS's model after the Debian 12 package was made. */
const newer = ['CreateLogGroup.logGroupClass', 'CreateLogGroup.deletionProtectionEnabled', 'DescribeLogGroups.logGroupClass', 'DescribeLogGroups.logGroupIdentifiers', 'PutLogEvents.entity'];

describe('the inputs that the local CloudWatch Logs checks', () => {
  const model = readModel();

  for (const [action, input] of Object.entries(inputs)) {
    it(`are those of AWS's service model for ${action}`, () => {
      compare(action, input, model.operations[action]?.input.shape ?? '');
    });
  }

  function compare(path: string, ours: Shape, name: string): void {
    const theirs = model.shapes[name];
    assert.ok(theirs, `${path}: the model has no ${name}`);
    assert.equal(ours.type, theirs.type, path);
    for (const key of ['min', 'max', 'pattern', 'enum'] as const) {
      assert.deepEqual((ours as ModelShape)[key], theirs[key], `${path} ${key}`);
    }
    if (ours.type === 'list') compare(`${path}[]`, ours.member, theirs.member?.shape ?? '');
    if (ours.type === 'map') {
      compare(`${path} key`, ours.key, theirs.key?.shape ?? '');
      compare(`${path} value`, ours.value, theirs.value?.shape ?? '');
    }
    if (ours.type !== 'structure') return;
    assert.deepEqual([...ours.required], theirs.required ?? [], `${path} required`);
    const members = theirs.members ?? {};
    assert.deepEqual(Object.keys(members).filter((member) => !(member in ours.members)), [], `${path}: members that we do not know`);
    for (const [member, shape] of Object.entries(ours.members)) {
      const reference = members[member];
      if (reference === undefined) assert.ok(newer.includes(`${path}.${member}`), `${path}.${member} is not in the model`);
      else compare(`${path}.${member}`, shape, reference.shape);
    }
  }
});

/** What the AWS command line itself is made from. */
function readModel(): Model {
  const file = '/usr/lib/python3/dist-packages/awscli/botocore/data/logs/2014-03-28/service-2.json';
  const path = [file, `${file}.gz`].find((candidate) => existsSync(candidate));
  assert.ok(path, `${file} is missing: install the Debian package awscli`);
  const bytes = readFileSync(path);
  return JSON.parse((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as Model;
}
