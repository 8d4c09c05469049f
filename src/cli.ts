#!/usr/bin/env node
import type { CommandContext } from './cli/commands/context.js';
import { EXIT } from './cli/exit-status.js';
import { alternatives, parseCommandLine } from './cli/flags/command-line.js';
import { COMMANDS, type Shell } from './cli/flags/table.js';
import { createProgram, type Page, withEnvironment } from './cli/help.js';
import { createLog, type Log } from './cli/log.js';
import { levelFilter, rustLogFilter } from './cli/log-filter.js';
import { type LogSettings, readLogSettings } from './cli/options/log-settings.js';
import { OptionReader } from './cli/options/option-reader.js';
import { StopSignals } from './cli/signals.js';
import { print, printOrFail } from './cli/streams.js';
import { UsageError } from './cli/usage-error.js';
import { NodeWarnings } from './cli/warnings.js';
import { printable } from './sinks/printable.js';

const warnings = new NodeWarnings();

/** Whether a command has run, and not only help or the version. */
let hasRun = false;

/** Characters of a line where that of the terminal is not known. */
const DEFAULT_WIDTH = 80;

async function main(argv: readonly string[]): Promise<number> {
  // First of all: a signal that comes from here on stops the program cleanly, however early.
  const signals = new StopSignals();
  const environment = process.env;
  const line = parseCommandLine(argv);
  const options = new OptionReader(line, environment);
  const settings = readLogSettings(options);
  const { command } = line;
  if (command === undefined && !line.help && !line.version) {
    throw new UsageError(
      `no command: expected ${alternatives(COMMANDS.map(({ name }) => name))}; see msb-metrics --help`,
    );
  }
  let outcome: Promise<number> | undefined;
  const run = (load: () => Promise<(context: CommandContext) => Promise<number>>) => () => {
    requirePosix();
    outcome = import('./cli/keep-little-memory.js')
      // Before there are many threads, and much garbage.
      .then(({ keepLittleMemory }) => keepLittleMemory())
      .then(load)
      .then((start) => start({ options, environment, signals, log: logOf(settings), warnings }));
  };
  const help = line.help ? { about: command, page: await terminalPage() } : undefined;
  const program = createProgram(
    {
      stdout: run(async () => (await import('./cli/commands/stdout.js')).runStdout),
      otel: run(async () => (await import('./cli/commands/otel.js')).runOtel),
      prometheus: run(async () => (await import('./cli/commands/prometheus.js')).runPrometheus),
      check: run(async () => (await import('./cli/commands/check.js')).runCheck),
      spool: () => {
        outcome = import('./cli/commands/spool.js').then(({ runSpool }) =>
          runSpool(line.argument as string, line.operand as string),
        );
      },
      completion: () => {
        outcome = import('./cli/completion/script.js').then(({ completionScript }) => {
          print(completionScript(line.argument as Shell));
          return EXIT.clean;
        });
      },
    },
    help,
  );
  printOrFail((text) => (help === undefined ? text : withEnvironment(text, help)));
  const switches = [...(line.help ? ['--help'] : []), ...(line.version ? ['--version'] : [])];
  const words = [command?.name, line.argument, line.operand].filter((word) => word !== undefined);
  program.parse(['node', 'msb-metrics', ...words, ...switches]);
  hasRun = outcome !== undefined;
  return outcome ?? EXIT.clean;
}

async function terminalPage(): Promise<Page> {
  const { wrapAnsi } = await import('fast-wrap-ansi');
  return { width: process.stdout.columns ?? DEFAULT_WIDTH, wrap: wrapAnsi };
}

function requirePosix(): void {
  if (process.platform === 'win32') {
    throw new UsageError(
      'Windows has no POSIX shared memory, which msb-metrics reads: run it on Linux or macOS',
    );
  }
}

function logOf(settings: LogSettings): Log {
  const { RUST_LOG: directives = '', NO_COLOR: noColor, TERM: terminal } = process.env;
  const rust = rustLogFilter(directives);
  const stderr = standardError();
  const log = createLog({
    format: settings.format,
    filter: rust.filter ?? levelFilter(settings.level),
    colours: stderr.isTTY === true && !noColor && terminal !== 'dumb',
    write: (text) => stderr.write(text),
  });
  for (const directive of rust.unread) {
    log('warn', 'msb_metrics', 'RUST_LOG: a directive that is neither level nor target=level', { directive });
  }
  warnings.logTo(log);
  return log;
}

/** What ends the program before it runs, with a line of its own. By name: their modules are loaded only by what throws them. */
const EXPECTED = ['UsageError', 'UnsupportedSystemError', 'OutputError', 'ListenError'];

const argv = process.argv.slice(2);
// A program that has nothing left to wait for, and has not said how it ended, has not succeeded.
process.exitCode = EXIT.lost;
main(argv).then(
  // Help and the version do not load what an exit at once needs.
  async (status) => (hasRun ? (await import('./cli/exit.js')).exitAfterOutput(status) : process.exit(status)),
  (error) => {
    const isExpected = EXPECTED.includes((error as Error)?.name);
    writeError(isExpected ? error.message : `unexpected: ${error?.stack ?? error}`, argv);
    process.exit(error instanceof UsageError ? EXIT.usage : EXIT.lost);
  },
);

/** Standard error, whose reader may go. Help and the version do not open it, which takes time. */
const standardError = (): NodeJS.WriteStream => process.stderr.on('error', () => {});

/** In the format of the log, even where the command line that asks for it cannot be read. */
function writeError(message: string, args: readonly string[]): void {
  const isJson = args.some(
    (arg, index) => arg === '--log-format=json' || (arg === '--log-format' && args[index + 1] === 'json'),
  );
  const stderr = standardError();
  if (isJson) {
    createLog({ format: 'json', filter: () => true, write: (text) => stderr.write(text) })(
      'error',
      'msb_metrics',
      message,
    );
  } else {
    stderr.write(`error: ${printable(message)}\n`);
  }
}
