/** A whole unit name, with its type: systemd.unit(5). */
const UNIT = /^[0-9A-Za-z:_.\\-][0-9A-Za-z:_.\\@-]*\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;
const GLOB = /[*?[]/;

/**
 * Whether a value is one of the units that `journalctl --unit=name` means: a path stands for its mount or device unit,
 * a name without a type for a service, what a unit's name cannot hold for its escaped form; a glob is taken as it
 * stands, so that `ssh*` is not `ssh*.service` (unit_name_mangle in systemd's unit-name.c).
 */
export function unitMatcher(name: string): (value: string) => boolean {
  const mangled = mangle(name);
  if (!GLOB.test(mangled)) return (value) => value === mangled;
  const parts = globParts(mangled);
  return (value) => matches(parts, value);
}

function mangle(name: string): string {
  if (!GLOB.test(name) && name.startsWith('/')) return unitOfPath(name);
  const escaped = escapeAllBut(/[0-9A-Za-z:_.\\@[\]!*?-]/, name.replaceAll('/', '-'));
  return GLOB.test(escaped) || UNIT.test(escaped) ? escaped : `${escaped}.service`;
}

/** systemd-escape --path, with the type that a path of this kind has. */
function unitOfPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const escaped = parts.map((part) => escapeAllBut(/[0-9A-Za-z:_.]/, part)).join('-').replace(/^\./, '\\x2e');
  const isDevice = (parts[0] === 'dev' || parts[0] === 'sys') && parts.length > 1;
  return `${escaped === '' ? '-' : escaped}.${isDevice ? 'device' : 'mount'}`;
}

function escapeAllBut(valid: RegExp, text: string): string {
  return [...Buffer.from(text).toString('latin1')].map((byte) => (valid.test(byte) ? byte : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)).join('');
}

/** What one place of a glob takes: any run of characters, or one character. */
type GlobPart = typeof STAR | ((character: string) => boolean);

const STAR = '*';

/** A glob as fnmatch(3) takes it with FNM_NOESCAPE: `*` also matches a leading dot, and a backslash is but a backslash. */
function globParts(glob: string): GlobPart[] {
  const parts: GlobPart[] = [];
  for (let at = 0; at < glob.length; at++) {
    const own = glob[at]!;
    const bracket = own === '[' ? BRACKET.exec(glob.slice(at))?.[0] : undefined;
    if (own === '*') parts.push(STAR);
    else if (own === '?') parts.push(() => true);
    else if (bracket === undefined) parts.push((character) => character === own);
    else {
      const members = membersOf(bracket);
      parts.push((character) => members.test(character));
      at += bracket.length - 1;
    }
  }
  return parts;
}

/** Without the backtracking of a regular expression, which takes half a minute for four stars and 200 characters. */
function matches(parts: readonly GlobPart[], value: string): boolean {
  let part = 0;
  let at = 0;
  /** The last star, and up to where it was taken to reach. */
  let star = -1;
  let reach = 0;
  while (at < value.length) {
    const current = parts[part];
    if (current === STAR) {
      star = part++;
      reach = at;
    } else if (current?.(value[at]!) === true) {
      part += 1;
      at += 1;
    } else if (star >= 0) {
      part = star + 1;
      at = ++reach;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === STAR);
}

/** A bracket expression; right after its `[` or `[!`, a `]` is a member. */
const BRACKET = /^\[(?:!|(?!!))(?:\[:[a-z]+:\]|[^])(?:\[:[a-z]+:\]|[^\]])*\]/;
const NOTHING = /(?!)/;
const CLASSES: Readonly<Record<string, string>> = { alnum: '0-9A-Za-z', alpha: 'A-Za-z', digit: '0-9', lower: 'a-z', upper: 'A-Z', xdigit: '0-9A-Fa-f', punct: '!-\\/:-@\\[-`{-~' };

/** The characters that a bracket expression takes; none for a range from z to a, or a class of no such name. */
function membersOf(bracket: string): RegExp {
  const isNegated = bracket[1] === '!';
  const inner = bracket.slice(isNegated ? 2 : 1, -1);
  const members = inner.replace(/\[:([a-z]+):\]|[\][\\^]/g, (special, name?: string) => (name === undefined ? literal(special) : (CLASSES[name] ?? 'z-a')));
  try {
    return new RegExp(`^[${isNegated ? '^' : ''}${members}]$`, 's');
  } catch {
    return NOTHING;
  }
}

function literal(character: string): string {
  return /[\w:@!]/.test(character) ? character : `\\${character}`;
}
