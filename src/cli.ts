#!/usr/bin/env node
import { hostname } from 'node:os';
import { exitAfterOutput } from './cli/exit.js';
import { parseCommandLine } from './cli/flags.js';
import { createProgram } from './cli/help.js';
import { warnOfOtherHomes } from './cli/homes-on-host.js';
import { captureGrpcLogs } from './cli/library-logs.js';
import { createLog, type Log, redactingLog } from './cli/log.js';
import { levelFilter, rustLogFilter } from './cli/log-filter.js';
import {
  OptionReader,
  readCollectOptions,
  readLogSettings,
  readOtlpOptions,
  readStdoutOptions,
} from './cli/options.js';
import { EXIT, run } from './cli/run.js';
import { StopSignals } from './cli/signals.js';
import { OutputError, openStdout, printOrFail } from './cli/streams.js';
import { warnOfTwin } from './cli/twins.js';
import { UsageError } from './cli/usage-error.js';
import { NodeWarnings } from './cli/warnings.js';
import {
  type CollectionsOptions,
  type DeliveryOptions,
  type OtlpSinkOptions,
  otlpSink,
  printable,
  redactor,
  stdoutSink,
  UnsupportedSystemError,
} from './index.js';
import { requireSharedMemory } from './shm/posix.js';

const warnings = new NodeWarnings();

/** Whether a command has run, and not only help or the version. */
let hasRun = false;

async function main(argv: readonly string[]): Promise<number> {
  // First of all: a signal that comes from here on stops the program cleanly, however early.
  const signals = new StopSignals();
  const line = parseCommandLine(argv);
  const options = new OptionReader(line);
  const settings = readLogSettings(options);
  if (line.command === undefined && !line.help && !line.version) {
    throw new UsageError('no command: expected stdout or otel; see msb-metrics --help');
  }
  if (!line.help && !line.version && process.platform === 'win32') {
    throw new UsageError(
      'Windows has no POSIX shared memory, which msb-metrics reads: run it on Linux or macOS',
    );
  }
  let outcome: Promise<number> | undefined;
  const program = createProgram({
    stdout: () => {
      outcome = runStdout(options, signals, logOf(settings));
    },
    otel: () => {
      outcome = runOtel(options, signals, logOf(settings));
    },
  });
  printOrFail();
  const switches = [...(line.help ? ['--help'] : []), ...(line.version ? ['--version'] : [])];
  program.parse(['node', 'msb-metrics', ...(line.command === undefined ? [] : [line.command]), ...switches]);
  hasRun = outcome !== undefined;
  return outcome ?? EXIT.clean;
}

function logOf(settings: ReturnType<typeof readLogSettings>): Log {
  const rust = rustLogFilter(process.env.RUST_LOG ?? '');
  const log = createLog({
    format: settings.format,
    filter: rust.filter ?? levelFilter(settings.level),
    write: (text) => process.stderr.write(text),
  });
  for (const directive of rust.unread) {
    log('warn', 'msb_metrics', 'RUST_LOG: a directive that is neither level nor target=level', { directive });
  }
  warnings.logTo(log);
  return log;
}

/** A buffer too small for one flush interval drops collections for ever, however well the backend is. */
function warnOfSmallBuffer(collect: CollectionsOptions, delivery: DeliveryOptions, log: Log): void {
  const { collectIntervalMillis = 1, flushIntervalMillis = 1, maxBuffered = 1 } = { ...collect, ...delivery };
  const aFlush = Math.ceil(flushIntervalMillis / collectIntervalMillis);
  if (aFlush > maxBuffered) {
    log('warn', 'msb_metrics', 'the buffer is too small for a flush interval: collections will be dropped', {
      collections_a_flush: aFlush,
      max_buffered: maxBuffered,
    });
  }
}

function runStdout(options: OptionReader, signals: StopSignals, log: Log): Promise<number> {
  const collect = readCollectOptions(options, process.env);
  const delivery = readStdoutOptions(options);
  requireSharedMemory();
  warnOfSmallBuffer(collect, delivery, log);
  const stream = openStdout();
  return run(
    { ...collect, sinks: { stdout: (flush$) => stdoutSink({ ...delivery, stream, flush$ }) } },
    signals,
    log,
  );
}

async function runOtel(options: OptionReader, signals: StopSignals, log: Log): Promise<number> {
  const collect = readCollectOptions(options, process.env);
  const otlp = readOtlpOptions(options, process.env);
  // The libraries may repeat what was sent. The sink itself redacts what backends say.
  const libraryLog = redactingLog(log, redactor(otlp.headers ?? {}, new URL(otlp.endpoint)));
  warnings.logTo(libraryLog);
  requireSharedMemory();
  warnOfSmallBuffer(collect, otlp, log);
  if (otlp.protocol === 'grpc') {
    await captureGrpcLogs(libraryLog);
  } else if (new URL(otlp.endpoint).pathname === '/') {
    log(
      'warn',
      'msb_metrics',
      'the endpoint has no path and is used as it is; most receivers expect /v1/metrics',
    );
  }
  warnOfTwin(
    {
      msbHome: collect.msbHome,
      endpoint: otlp.endpoint,
      serviceInstanceId: otlp.resource?.['service.instance.id'] ?? hostname(),
    },
    log,
  );
  const { origin, pathname } = new URL(otlp.endpoint);
  return run(
    {
      ...collect,
      sinks: { otlp: (flush$) => otlpSink({ ...otlp, flush$ }) },
      noticeOtherHomes: hasOwnInstanceId(otlp) ? undefined : () => warnOfOtherHomes(collect.msbHome, log),
      destinations: {
        otlp: { protocol: otlp.protocol, endpoint: otlp.protocol === 'grpc' ? origin : origin + pathname },
      },
    },
    signals,
    log,
  );
}

/** Whether `service.instance.id` is another than the host's name. */
function hasOwnInstanceId({ resource = {} }: OtlpSinkOptions): boolean {
  const { 'service.instance.id': given } = resource;
  return given !== undefined && given !== process.env.HOSTNAME && given !== process.env.COMPUTERNAME;
}

process.stderr.on('error', () => {});
/** What ends the program before it runs, with a line of its own. */
const EXPECTED = [UsageError, UnsupportedSystemError, OutputError];

const argv = process.argv.slice(2);
main(argv).then(
  // Help and the version do not load what an exit at once needs.
  (status) => (hasRun ? exitAfterOutput(status) : process.exit(status)),
  (error) => {
    if (EXPECTED.some((kind) => error instanceof kind)) {
      writeError(error.message, argv);
      process.exit(error instanceof UsageError ? EXIT.usage : EXIT.lost);
    }
    throw error;
  },
);

/** In the format of the log, even where the command line that asks for it cannot be read. */
function writeError(message: string, args: readonly string[]): void {
  const isJson = args.some(
    (arg, index) => arg === '--log-format=json' || (arg === '--log-format' && args[index + 1] === 'json'),
  );
  if (isJson) {
    createLog({ format: 'json', filter: () => true, write: (text) => process.stderr.write(text) })(
      'error',
      'msb_metrics',
      message,
    );
  } else {
    process.stderr.write(`error: ${printable(message)}\n`);
  }
}
