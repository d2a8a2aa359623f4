import { fstatSync, readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { MemoryCheckpoint } from './checkpoint/memory-checkpoint.js';
import { parseCommandLine, type CommandLine } from './cli.js';
import type { LoadedSettings } from './config/load.js';
import type { SourceSettings } from './config/settings.js';
import { OperatorError, SettingError } from './core/errors.js';
import type { Logger } from './core/logger.js';
import type { TlsMemory } from './core/tls.js';
import type { RunEnd } from './forwarder.js';
import { createLog, stderrIsJournal } from './log.js';
import { ownEntries } from './observe/own-entries.js';
import { Progress } from './observe/progress.js';
import type { Service } from './observe/service.js';
import { ownCommand, programVersion, sampleJournal } from './packaging.js';

const EXIT_DONE = 0;
const EXIT_FAILED = 1;
/** Told apart, since systemd must not start again what only other settings can mend (RestartPreventExitStatus=2). */
const EXIT_SETTINGS = 2;

/** By then all that a run needs is loaded: V8 takes no code from a cache that was made with other flags. */
const STARTED_AFTER_MS = 250;

/** Aborts at the first SIGTERM or SIGINT. */
const stop = new AbortController();
const isJournal = leadsToJournal();

void main();

async function main(): Promise<void> {
  let logger = firstLog();
  // The AWS client would print a warning of its own on Node 20. Which Node this program needs stands in its package.json.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  onStopSignals();
  try {
    const commandLine = parseCommandLine(process.argv.slice(2), process.env, {
      uid: process.getuid?.() ?? 0,
      homeDirectory: homeDirectory(),
      columns: process.stdout.columns,
    });
    process.exitCode = await execute(commandLine, (settings) => {
      logger = createLog({ ...settings.settings.log, output: process.stderr, journal: leadsToJournal() });
      for (const warning of settings.warnings) logger.warn(warning);
      return logger;
    });
  } catch (error) {
    process.exitCode = report(error, logger);
  }
}

/** `/` where the user has none: systemd's DynamicUser= is known to nobody on a machine without nss-systemd(8), and has no $HOME. */
function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

async function execute(commandLine: CommandLine, loggerFor: (settings: LoadedSettings) => Logger): Promise<number> {
  switch (commandLine.command) {
    case 'print':
      process.stdout.write(commandLine.text);
      return commandLine.exitCode;
    case 'run':
      return run(commandLine.load, loggerFor);
    case 'check': {
      const loaded = await commandLine.load();
      const { check } = await import('./check.js');
      const isWell = await check({ settings: loaded.settings, environment: process.env, identity: identity(), output: process.stdout, logger: loggerFor(loaded) });
      return isWell ? EXIT_DONE : EXIT_FAILED;
    }
    case 'status': {
      const { settings } = await commandLine.load();
      const { printStatus } = await import('./status.js');
      await printStatus({
        directory: settings.state.directory,
        configured: new Set(settings.destinations.map(({ name }) => name)),
        newestUs: () => endOf(settings).catch(() => undefined),
        output: process.stdout,
      });
      return EXIT_DONE;
    }
    case 'listen': {
      const { listen } = await import('./receivers/listen.js');
      await listen(commandLine.address, { output: process.stdout, log: firstLog(), signal: stop.signal });
      return EXIT_DONE;
    }
    case 'completion': {
      const { completionScript } = await import('./completion/script.js');
      const { vocabulary } = await import('./vocabulary.js');
      process.stdout.write(completionScript(commandLine.shell, vocabulary()));
      return EXIT_DONE;
    }
    case 'demo': {
      const { demo } = await import('./demo/demo.js');
      const { receive } = await import('./receivers/receive.js');
      const { visible } = await import('./receivers/visible.js');
      return demo({ forwarder: ownCommand(process.execPath), sample: await sampleJournal(), journalctlPath: 'journalctl', environment: withoutOurVariables(process.env), output: process.stdout, signal: stop.signal, receive, visible });
    }
  }
}

async function run(load: () => Promise<LoadedSettings>, loggerFor: (settings: LoadedSettings) => Logger): Promise<number> {
  const loaded = await load();
  const service = await openService();
  stop.signal.addEventListener('abort', () => service?.stopping(), { once: true });
  setTimeout(stopGrowth, STARTED_AFTER_MS).unref();
  // Between two forwarders nobody else listens, and then the signal would end the process.
  process.on('SIGHUP', () => undefined);
  try {
    return await forward(loaded, load, loggerFor, service);
  } finally {
    service?.stopping();
    await service?.close();
  }
}

/**
 * V8 gives objects that have just been made ever more room the longer a program runs, up to 32 MiB on Node.js 20 and 64
 * on 24. Here they die so soon that it may stay as it is: that costs no CPU that could be measured, and spares 20 to 40
 * MiB over 500,000 entries; a second later, ten of them are lost. From the command line V8 takes no factor below 2.
 */
function stopGrowth(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Runs one forwarder after another: SIGHUP ends one for the sake of new settings. */
async function forward(first: LoadedSettings, load: () => Promise<LoadedSettings>, loggerFor: (settings: LoadedSettings) => Logger, service: Service | undefined): Promise<number> {
  const memory = new Map<string, MemoryCheckpoint>();
  const tlsMemory: TlsMemory = new Map();
  let loaded = first;
  /** What ran before, and may run again where the new settings cannot. */
  let proven: LoadedSettings | undefined;
  let isFirst = true;
  for (;;) {
    const { settings } = loaded;
    const { Forwarder } = await import('./forwarder.js');
    const progress = shouldShowProgress(settings) ? new Progress(process.stderr) : undefined;
    const logger = progress?.above(loggerFor(loaded)) ?? loggerFor(loaded);
    // What was forgotten once is not to be forgotten again at each SIGHUP.
    const forwarder = new Forwarder(isFirst ? settings : { ...settings, state: { ...settings.state, resetCheckpoint: false } }, {
      // Node.js makes a stream of it at the first look, which most runs never take.
      get stdin() {
        return process.stdin;
      },
      stdout: process.stdout,
      environment: process.env,
      hostname: hostname(),
      identity: identity(),
      logger,
      own: ownEntries({ stderrIsJournal: isJournal, cgroup: fileText('/proc/self/cgroup'), pid: process.pid }),
      memory,
      tlsMemory,
      build: { version: programVersion(), nodeVersion: process.version },
      describe: { pid: process.pid, startedAt: new Date().toISOString() },
    });
    isFirst = false;
    const reload = onHangup(settings.source.from, load, logger, service);
    service?.watch(forwarder, logger);
    progress?.start(() => forwarder.status(), endOf(settings));
    let end: RunEnd;
    try {
      end = await forwarder.run(AbortSignal.any([stop.signal, reload.signal]));
    } catch (error) {
      if (forwarder.hasStarted || proven === undefined || !(error instanceof OperatorError)) throw error;
      logger.error(`${error.message} The settings from before go on.`, { code: error.code });
      // Where these cannot start any more either, that is the end of it.
      [loaded, proven] = [proven, undefined];
      continue;
    } finally {
      progress?.stop();
      reload.ignore();
    }
    const next = reload.settings();
    if (next === undefined || stop.signal.aborted) return exitCodeOf(end, settings.source.from, logger);
    logger.info('Going on with the new settings');
    proven = loaded;
    loaded = next;
  }
}

/** Says what a run left behind that no later one makes good. */
function exitCodeOf(end: RunEnd, from: SourceSettings['from'], logger: Logger): number {
  if (end === 'done' || end === 'stdout closed') return EXIT_DONE;
  // What was unsaved has been told by who could not save it.
  if (end === 'undelivered' && from === 'stdin') logger.error('Stopped before everything that was read of standard input was delivered; it cannot be read again');
  else if (end === 'undelivered') logger.error('Stopped before everything that was read was delivered, and no checkpoint is kept from which a later run could go on');
  return EXIT_FAILED;
}

/** Reads the settings anew at SIGHUP. Right ones abort `signal`; wrong ones are reported, and the old ones go on. */
function onHangup(from: SourceSettings['from'], load: () => Promise<LoadedSettings>, logger: Logger, service: Service | undefined): { readonly signal: AbortSignal; settings(): LoadedSettings | undefined; ignore(): void } {
  const controller = new AbortController();
  let loaded: LoadedSettings | undefined;
  const listener = (): void => {
    service?.reloading();
    if (from === 'stdin') {
      logger.warn('SIGHUP changes nothing while standard input is forwarded: it cannot be read from its start again');
      service?.ready();
      return;
    }
    load().then(
      (settings) => {
        loaded = settings;
        controller.abort();
      },
      (error: unknown) => {
        logger.error(`${(error as Error).message} The settings from before go on.`);
        service?.ready();
      },
    );
  };
  process.on('SIGHUP', listener);
  return { signal: controller.signal, settings: () => loaded, ignore: () => void process.off('SIGHUP', listener) };
}

/** What reports to systemd, where that started us with `Type=notify` or a watchdog. */
async function openService(): Promise<Service | undefined> {
  if ((process.env['NOTIFY_SOCKET'] ?? '') === '') return undefined;
  const { Service } = await import('./observe/service.js');
  return new Service({ environment: process.env, pid: process.pid, monotonicUs: () => process.hrtime.bigint() / 1000n });
}

function onStopSignals(): void {
  process.on('SIGTERM', () => {
    stop.abort();
  });
  process.on('SIGINT', () => {
    // Whoever asks twice does not want to wait. What is unconfirmed is sent again by the next run.
    if (stop.signal.aborted) process.exit(EXIT_FAILED);
    stop.abort();
  });
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A reader that has gone is no failure of ours. Whatever else there is, the sink for stdout says it, and fails the run.
    if (code === 'EPIPE') stop.abort();
    else process.exitCode = EXIT_FAILED;
  });
}

/** Says what went wrong, and returns the exit code for it. A bug keeps its stack. */
function report(error: unknown, logger: Logger): number {
  if (error instanceof OperatorError) {
    const { cause } = error;
    const isTold = !(cause instanceof Error) || error.message.includes(cause.message);
    const sentence = isTold ? error.message : `${error.message} (${cause.message})`;
    if (error instanceof SettingError) {
      logger.error(sentence);
      return EXIT_SETTINGS;
    }
    logger.error(sentence, { code: error.code });
    return EXIT_FAILED;
  }
  if (['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '')) {
    logger.error('Too many open files: this process may have too few of them to start. Raise LimitNOFILE= in the unit, or ulimit -n.', { code: 'ERR_FILES' });
    return EXIT_FAILED;
  }
  logger.error(`This is a bug in journald-forwarder: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT_FAILED;
}

function shouldShowProgress({ source }: LoadedSettings['settings']): boolean {
  return process.stderr.isTTY && !source.follow;
}

/** Up to which time a bounded run goes; undefined where nobody knows. */
async function endOf({ source, filter }: LoadedSettings['settings']): Promise<number | undefined> {
  // A gateway is asked for nothing beside the entries: what it has is not worth a pause at the start.
  if (source.from !== 'journal') return undefined;
  const { describeJournal } = await import('./sources/journalctl/index.js');
  return (await describeJournal({ ...source, ...filter }, { path: source.journalctlPath, environment: process.env })).newestUs;
}

function firstLog(): Logger {
  return createLog({ level: 'info', format: 'text', output: process.stderr, journal: isJournal });
}

function leadsToJournal(): boolean {
  try {
    return stderrIsJournal(process.env['JOURNAL_STREAM'], fstatSync(2));
  } catch {
    return false;
  }
}

function identity(): { readonly uid: number; readonly groups: readonly number[] } {
  return { uid: process.getuid?.() ?? 0, groups: [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])] };
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function withoutOurVariables(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('JOURNALD_FORWARDER_')));
}
