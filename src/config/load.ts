import { readDestinations } from './destination.js';
import { readFileLayer } from './file.js';
import { readAddedField, readFieldList, readFieldMap } from './fields.js';
import { readGateway } from './gateway.js';
import type { GatewaySettings } from './gateway.js';
import { readExcludeMatch, readMatch, readPriority, readUnit } from './filter.js';
import { environmentLayer, flagLayer, Layers } from './layers.js';
import type { Flags } from './layers.js';
import { readMetricsAddress } from './metrics-address.js';
import { optionOf, options } from './options.js';
import type { ChoiceName, ChoiceOf, OptionName } from './options.js';
import { readChoice, readDurationMs } from './scalars.js';
import type { DestinationSettings, FilterSettings, JsonSettings, Settings, SourceSettings, StateSettings } from './settings.js';
import { readTime, timestampOf } from './time.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

/** Where settings come from, and what their defaults depend on. */
export interface SettingSources {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of the file of `--config`; throws as `readFileSync` does. */
  readFile(path: string): string;
  readonly uid: number;
  readonly homeDirectory: string;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Sentences for the log: what was given and has no effect. */
  readonly warnings: readonly string[];
  /** The options that flags, environment or file set. */
  readonly given: ReadonlySet<OptionName>;
}

/**
 * Reads all settings: a flag wins over the environment, that over the file, that over the default, and a list is
 * taken whole from the first that has it. Rejects with a SettingError for the first mistake.
 */
export async function loadSettings(sources: SettingSources): Promise<LoadedSettings> {
  const warnings: string[] = [];
  const flags = flagLayer(sources.flags);
  const environment = environmentLayer(sources.env, warnings);
  const config = new Layers(flags, environment).one('config');
  const file = config === undefined ? new Map<never, never>() : await readFileLayer(config, (path) => sources.readFile(path));

  const layers = new Layers(flags, environment, file);
  const given = new Set(options.map(({ name }) => name).filter((name) => layers.all(name).length > 0));
  return { settings: settingsOf(layers, sources), warnings, given };
}

function settingsOf(layers: Layers, sources: SettingSources): Settings {
  const source = sourceOf(layers, sources.env);
  const destinations = readDestinations(layers.all('to').length > 0 ? layers.all('to') : [defaultOf('to')], sources.env, fieldsOf(layers));
  return {
    source,
    filter: filterOf(layers),
    destinations,
    state: stateOf(layers, source, destinations, sources),
    log: { level: choiceOf(layers, 'log-level'), format: choiceOf(layers, 'log-format') },
    metrics: metricsOf(layers),
    shutdownTimeoutMs: readDurationMs(layers.one('shutdown-timeout') ?? defaultOf('shutdown-timeout'), 'the time'),
  };
}

/** What the options say of the fields of every destination that is sent JSON. */
function fieldsOf(layers: Layers): Partial<JsonSettings> {
  const [fields, fieldMap] = [layers.one('fields'), layers.one('field-map')];
  return {
    fields: fields && readFieldList(fields),
    ...(fieldMap === undefined ? {} : { fieldMap: readFieldMap(fieldMap) }),
    fieldMapStrict: layers.has('field-map-strict'),
    addFields: layers.all('add-field').map(readAddedField),
  };
}

function metricsOf(layers: Layers): Settings['metrics'] {
  const metrics = layers.one('metrics');
  return metrics && readMetricsAddress(metrics);
}

function sourceOf(layers: Layers, environment: SettingSources['env']): SourceSettings {
  const { from, gateway } = fromOf(layers, environment);
  if (from !== 'journal') {
    const misplaced = options.find((row) => (row.journalOnly === 'local' || (from === 'stdin' && row.journalOnly === 'any')) && isSet(layers, row.name));
    if (misplaced !== undefined) throw layers.refuse(misplaced.name, from === 'stdin' ? 'it needs the journal, and --from stdin does not read it; leave out one of the two' : 'a gateway cannot be asked for it; leave out one of the two');
  }
  if (isSet(layers, 'directory') && isSet(layers, 'namespace')) throw layers.refuse('namespace', '--directory says already which journal to read; leave out one of the two');
  const until = timeOf(layers, 'until');
  return {
    from,
    gateway,
    directory: layers.one('directory')?.text,
    namespace: namespaceOf(layers),
    allMachines: layers.has('all-machines'),
    journalctlPath: (layers.one('journalctl-path') ?? defaultOf('journalctl-path')).text,
    start: choiceOf(layers, 'start'),
    since: gateway === undefined ? sinceOf(layers) : absoluteSinceOf(layers),
    until,
    // journalctl itself ends at --until.
    follow: !layers.has('no-follow') && until === undefined,
    reportGaps: layers.has('report-gaps'),
    joinLines: layers.has('join-lines'),
  };
}

function fromOf(layers: Layers, environment: SettingSources['env']): { readonly from: SourceSettings['from']; readonly gateway: GatewaySettings | undefined } {
  const from = layers.one('from') ?? defaultOf('from');
  if (from.text === 'containers') throw invalid(from, 'this source is not supported in this version; use journal, stdin or gateway:PLACE');
  if (from.text.startsWith('gateway:')) return { from: 'gateway', gateway: readGateway(from, environment) };
  if (from.text === 'gateway') throw invalid(from, 'a place follows it, or a colon alone; write for example gateway:/run/journald.sock');
  if (from.text !== 'journal' && from.text !== 'stdin') throw invalid(from, 'use journal, stdin or gateway:PLACE');
  return { from: from.text, gateway: undefined };
}

/** The namespace as journalctl's `--namespace` takes it: a name, `+NAME` for it and the default one, `*` for all. */
function namespaceOf(layers: Layers): string | undefined {
  const namespace = layers.one('namespace');
  if (namespace !== undefined && !/^(?:\*|\+?[^\s/*+][^\s/]*)$/.test(namespace.text)) throw invalid(namespace, 'a namespace is a name without "/" or spaces, or "*" for all');
  return namespace?.text;
}

/** Of `--since` and `--start` the one that a higher layer sets wins; both in one layer are a contradiction. */
function sinceOf(layers: Layers): string | undefined {
  const since = timeOf(layers, 'since');
  if (since === undefined || !isSet(layers, 'start') || layers.rank('since') < layers.rank('start')) return since;
  if (layers.rank('since') > layers.rank('start')) return undefined;
  throw layers.refuse('since', '--start says another place to start at; leave out one of the two');
}

/** A gateway knows no words for a time: `--since` in microseconds, as `@SECONDS.FRACTION`. */
function absoluteSinceOf(layers: Layers): string | undefined {
  const since = sinceOf(layers);
  if (since === undefined) return undefined;
  const absolute = timestampOf(since, new Date());
  if (absolute === undefined) throw layers.refuse('since', 'a gateway cannot be told a time of a named zone; write it in UTC or in local time');
  return absolute;
}

function timeOf(layers: Layers, name: 'since' | 'until'): string | undefined {
  const written = layers.one(name);
  return written && readTime(written);
}

function filterOf(layers: Layers): FilterSettings {
  const priority = layers.one('priority');
  return {
    units: layers.all('unit').map(readUnit),
    identifiers: layers.all('identifier').map(({ text }) => text),
    priority: priority && readPriority(priority),
    matches: layers.all('match').map(readMatch),
    kernel: layers.has('kernel'),
    excludeUnits: layers.all('exclude-unit').map(readUnit),
    excludeMatches: layers.all('exclude-match').map(readExcludeMatch),
    includeSelf: layers.has('include-self'),
  };
}

function stateOf(layers: Layers, source: SourceSettings, destinations: readonly DestinationSettings[], sources: SettingSources): StateSettings {
  const resetCheckpoint = layers.has('reset-checkpoint');
  const isTransient = source.from === 'stdin' || destinations.every(({ kind }) => kind === 'stdout');
  const checkpoint = !layers.has('no-checkpoint') && (!isTransient || isSet(layers, 'state-dir'));
  if (resetCheckpoint && !checkpoint) {
    const mend = layers.has('no-checkpoint') ? '--no-checkpoint keeps none to forget; leave out one of the two' : `${source.from === 'stdin' ? '--from stdin' : 'stdout:'} keeps none to forget; leave it out, or give --state-dir`;
    throw layers.refuse('reset-checkpoint', mend);
  }
  return { directory: layers.one('state-dir')?.text ?? defaultStateDirectory(sources), checkpoint, resetCheckpoint };
}

function defaultStateDirectory({ env, uid, homeDirectory }: SettingSources): string {
  // systemd separates several with colons (systemd.exec(5), StateDirectory=).
  const fromSystemd = env['STATE_DIRECTORY']?.split(':')[0];
  if (fromSystemd) return fromSystemd;
  if (uid === 0) return '/var/lib/journald-forwarder';
  const stateHome = env['XDG_STATE_HOME'];
  // The XDG Base Directory Specification: a relative path is to be ignored.
  return stateHome?.startsWith('/') ? `${stateHome}/journald-forwarder` : `${homeDirectory}/.local/state/journald-forwarder`;
}

function choiceOf<N extends ChoiceName>(layers: Layers, name: N): ChoiceOf<N> {
  return readChoice(layers.one(name) ?? defaultOf(name), 'use', optionOf(name).choices as readonly ChoiceOf<N>[]);
}

/** Whether an option is in force; a boolean that says `false` is not. */
function isSet(layers: Layers, name: OptionName): boolean {
  return optionOf(name).argument === undefined ? layers.has(name) : layers.all(name).length > 0;
}

function defaultOf(name: OptionName): Written {
  return { text: optionOf(name).default ?? '', where: `--${name}` };
}
