/** One instruction of a Containerfile; lines that end in a backslash are joined, comments left out. */
export interface Instruction {
  /** In capitals, as in `COPY`. */
  readonly name: string;
  /** `--from=parts` as `['from', 'parts']`. */
  readonly flags: ReadonlyMap<string, string>;
  readonly text: string;
}

/** What a Containerfile makes of one base. */
export interface Stage {
  readonly base: string;
  /** What stands behind `AS`. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/**
 * The stages of a Containerfile, with the values of its `ARG`s that stand before the first of them put in. Knows what ours
 * uses, in the forms in which ours uses it, and throws at anything else, so that nothing is passed over.
 */
export function readContainerfile(text: string, given: Readonly<Record<string, string>> = {}): Stage[] {
  const args = new Map<string, string>();
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1);
    if (instruction.name === 'FROM') {
      const [base = '', as, name] = withArgs(instruction.text, args).split(/\s+/);
      if (as !== undefined && (as !== 'AS' || name === undefined)) throw new Error(`Unknown form: FROM ${instruction.text}`);
      stages.push({ base, name, instructions: [] });
    } else if (stage === undefined) {
      const [, name, value] = /^(\w+)=(\S+)$/.exec(instruction.text) ?? [];
      if (instruction.name !== 'ARG' || name === undefined) throw new Error(`Unknown before the first FROM: ${instruction.name} ${instruction.text}`);
      args.set(name, given[name] ?? value!);
    } else if (KNOWN.includes(instruction.name)) {
      stage.instructions.push(instruction);
    } else {
      throw new Error(`Unknown instruction: ${instruction.name} ${instruction.text}`);
    }
  }
  return stages;
}

/** The settings that a stage gives to whoever runs it. */
export function settingsOf(stage: Stage): { readonly env: Readonly<Record<string, string>>; readonly user: string; readonly entrypoint: readonly string[] } {
  const textOf = (wanted: string): string | undefined => stage.instructions.findLast(({ name }) => name === wanted)?.text;
  const env = stage.instructions.filter(({ name }) => name === 'ENV').flatMap(({ text }) => text.split(/\s+/).map((pair) => pair.split('=') as [string, string]));
  return { env: Object.fromEntries(env), user: textOf('USER') ?? '0:0', entrypoint: JSON.parse(textOf('ENTRYPOINT') ?? '[]') as string[] };
}

const KNOWN = ['RUN', 'COPY', 'ENV', 'USER', 'ENTRYPOINT'];

function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line)).join('\n').replaceAll(/\\\n/g, '').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => {
    const [, name, flags = '', rest = ''] = /^([A-Z]+)\s+((?:--[a-z]+=\S+\s+)*)(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`Not an instruction: ${line}`);
    return { name, flags: new Map([...flags.matchAll(/--([a-z]+)=(\S+)/g)].map(([, flag, value]) => [flag!, value!])), text: rest.trim() };
  });
}

function withArgs(text: string, args: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = args.get(name);
    if (value === undefined) throw new Error(`There is no ARG ${name}.`);
    return value;
  });
}
