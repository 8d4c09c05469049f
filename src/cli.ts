#!/usr/bin/env node
import { parseCommandLine } from './cli/flags.js';
import { createProgram } from './cli/help.js';
import { captureGrpcLogs } from './cli/library-logs.js';
import { createLog, type Log } from './cli/log.js';
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
import { openStdout } from './cli/streams.js';
import { UsageError } from './cli/usage-error.js';
import { type CollectionsOptions, type DeliveryOptions, otlpSink, printable, stdoutSink } from './index.js';

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
  const switches = [...(line.help ? ['--help'] : []), ...(line.version ? ['--version'] : [])];
  program.parse(['node', 'msb-metrics', ...(line.command === undefined ? [] : [line.command]), ...switches]);
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
  warnOfSmallBuffer(collect, otlp, log);
  if (otlp.protocol === 'grpc') {
    await captureGrpcLogs(log);
  } else if (new URL(otlp.endpoint).pathname === '/') {
    log(
      'warn',
      'msb_metrics',
      'the endpoint has no path and is used as it is; most receivers expect /v1/metrics',
    );
  }
  return run({ ...collect, sinks: { otlp: (flush$) => otlpSink({ ...otlp, flush$ }) } }, signals, log);
}

process.stderr.on('error', () => {});
main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error) => {
    if (error instanceof UsageError) {
      process.stderr.write(`error: ${printable(error.message)}\n`);
      process.exit(EXIT.usage);
    }
    throw error;
  },
);
