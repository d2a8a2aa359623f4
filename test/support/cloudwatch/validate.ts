import { isUtf8 } from 'node:buffer';
import type { Shape, Structure } from './shapes.js';
import { invalidParameter, serialization } from './service-error.js';

export type Input = Readonly<Record<string, unknown>>;

/**
 * The input of a request, checked against its shape: first whether it can be read at all (SerializationException), then
 * every constraint, all that is violated in one InvalidParameterException in AWS's words.
 *
 * Stricter than AWS in two things: AWS passes over a member that it does not know, and replaces half a surrogate pair.
 * Here both are refused: in a test the one is a misspelling, and the other is damage.
 */
export function checkInput(shape: Structure, body: Buffer): Input {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw serialization();
  }
  // JSON is UTF-8: what a lossy decoder would mend must be refused.
  if (!isUtf8(body)) throw serialization();
  checkType(shape, value, '');
  const violations: string[] = [];
  checkConstraints(shape, value, '', violations);
  if (violations.length > 0) {
    throw invalidParameter(`${violations.length} validation error${violations.length === 1 ? '' : 's'} detected: ${violations.join('; ')}`);
  }
  return value as Input;
}

function checkType(shape: Shape, value: unknown, path: string): void {
  if (value === null || value === undefined) return;
  switch (shape.type) {
    case 'string':
    case 'boolean':
      if (typeof value !== shape.type) throw serialization(mistyped(value, shape.type === 'string' ? 'a String' : 'a Boolean'));
      if (typeof value === 'string' && loneSurrogate.test(value)) throw serialization(`Half a surrogate pair in ${path.slice(0, -1)} (AWS would replace it)`);
      return;
    case 'integer':
    case 'long':
      if (!Number.isSafeInteger(value) || (shape.type === 'integer' && Math.abs(value as number) > 0x7fffffff)) {
        throw serialization(mistyped(value, shape.type === 'long' ? 'a Long' : 'an Integer'));
      }
      return;
    case 'list':
      if (!Array.isArray(value)) throw serialization('Expected list or null');
      for (const member of value) checkType(shape.member, member, path);
      return;
    case 'map':
      if (!isObject(value)) throw serialization('Expected map or null');
      for (const member of Object.values(value)) checkType(shape.value, member, path);
      return;
    case 'structure':
      if (!isObject(value)) throw serialization('Expected null');
      for (const name in value) {
        const member = Object.hasOwn(shape.members, name) ? shape.members[name] : undefined;
        if (member === undefined) throw serialization(`Unknown member ${path}${name} (AWS would pass over it)`);
        checkType(member, value[name], `${path}${name}.`);
      }
  }
}

function checkConstraints(shape: Shape, value: unknown, path: string, violations: string[]): void {
  const violated = (constraint: string): void => {
    violations.push(`Value ${printed(value)}at '${path}' failed to satisfy constraint: Member must ${constraint}`);
  };
  switch (shape.type) {
    case 'boolean':
      return;
    case 'string': {
      const string = value as string;
      checkSize(shape, string.length, 'length', violated);
      if (shape.pattern !== undefined && !patternOf(shape.pattern).test(string)) violated(`satisfy regular expression pattern: ${shape.pattern}`);
      if (shape.enum !== undefined && !shape.enum.includes(string)) violated(`satisfy enum value set: [${shape.enum.join(', ')}]`);
      return;
    }
    case 'integer':
    case 'long':
      checkSize(shape, value as number, 'value', violated);
      return;
    case 'list':
      checkSize(shape, (value as unknown[]).length, 'length', violated);
      (value as unknown[]).forEach((member, index) => checkMember(shape.member, member, `${path}.${index + 1}.member`, true, violations));
      return;
    case 'map': {
      const entries = Object.entries(value as object);
      checkSize(shape, entries.length, 'length', violated);
      for (const [key, member] of entries) {
        checkMember(shape.key, key, path, true, violations);
        checkMember(shape.value, member, `${path}.${key}.member`, true, violations);
      }
      return;
    }
    case 'structure':
      for (const name in shape.members) {
        const member = (value as Record<string, unknown>)[name];
        checkMember(shape.members[name] as Shape, member, path === '' ? name : `${path}.${name}`, shape.required.includes(name), violations);
      }
  }
}

function checkMember(shape: Shape, value: unknown, path: string, required: boolean, violations: string[]): void {
  if (value !== null && value !== undefined) checkConstraints(shape, value, path, violations);
  else if (required) violations.push(`Value null at '${path}' failed to satisfy constraint: Member must not be null`);
}

function checkSize(limits: { readonly min?: number; readonly max?: number }, size: number, what: 'length' | 'value', violated: (constraint: string) => void): void {
  if (limits.max !== undefined && size > limits.max) violated(`have ${what} less than or equal to ${limits.max}`);
  if (limits.min !== undefined && size < limits.min) violated(`have ${what} greater than or equal to ${limits.min}`);
}

/** AWS prints the value, and leaves it out where it is large. */
function printed(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "'[]' " : '';
  return typeof value === 'object' || `${value}`.length > 2048 ? '' : `'${value}' `;
}

function mistyped(value: unknown, wanted: string): string {
  if (Array.isArray(value)) return 'Start of list found where not expected';
  if (typeof value === 'object') return 'Start of structure or map found where not expected.';
  const token = { string: 'STRING_VALUE', boolean: value === true ? 'TRUE_VALUE' : 'FALSE_VALUE', number: Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE' }[typeof value as string];
  return `${token} can not be converted to ${wanted}`;
}

const loneSurrogate = /\p{Surrogate}/u;
const patterns = new Map<string, RegExp>();

/** Java's `matches`: the whole value. */
function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) patterns.set(source, (pattern = new RegExp(`^(?:${source})$`, 'u')));
  return pattern;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
