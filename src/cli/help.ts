import sade, { type Sade } from 'sade';
import { VERSION } from '../index.js';
import { type Flag, GLOBAL_FLAGS, OTEL_FLAGS, STDOUT_FLAGS } from './flags.js';

/** What the program calls for its commands. */
export interface Handlers {
  readonly stdout: () => void;
  readonly otel: () => void;
}

/** The program with its commands, their prose and their flags. */
export function createProgram(handlers: Handlers): Sade {
  const program = sade('msb-metrics').version(VERSION);
  program.describe([
    'Ship the metrics of the microsandbox sandboxes on this host over OTLP, or print them.',
    '',
    'One process a host reads the shared-memory registry of msb, as the same user and with the same',
    'MSB_HOME as msb. It changes nothing there. Logs go to stderr.',
  ]);
  program.example('stdout').example('otel --endpoint=http://localhost:4317');
  describeFlags(program, GLOBAL_FLAGS);
  program
    .command('stdout', '', { alias: [] })
    .describe([
      'Print the metrics of the running sandboxes, one line a sandbox and second.',
      '',
      'For looking at what msb-metrics reads, without an OTLP receiver. A value that the runtime does not',
      'know is shown as -. The form of the lines is not a stable contract.',
    ]);
  describeFlags(program, STDOUT_FLAGS);
  program
    .example('stdout')
    .example('stdout --collect-interval=5s')
    .example('stdout --msb-home=/var/lib/microsandbox | grep sandbox=devbox')
    .action(handlers.stdout);
  program
    .command('otel')
    .describe([
      'Ship the metrics of the running sandboxes over OTLP to an OpenTelemetry backend.',
      '',
      'Shared memory is read at every collect interval; what was read is held and exported at every flush',
      'interval. Each sample is sent once, with the time at which it was taken. While the backend is away,',
      'attempts come after 1, 2, 4, ... up to 32 flush intervals, and the oldest collections are dropped',
      'when more than --max-buffered are held. On SIGINT or SIGTERM what is held gets one last export; a',
      'second signal exits at once. Durations are written 500ms, 1s, 2m or 1m30s.',
      '',
      'Tokens need not stand in the process list: OTEL_EXPORTER_OTLP_HEADERS=key=value,key=value works too.',
      '',
      'Exit status: 0 after a clean stop, 1 if the last export failed, 2 for bad input.',
    ]);
  describeFlags(program, OTEL_FLAGS);
  program
    .example('otel --endpoint=http://localhost:4317')
    .example('otel --endpoint=https://otlp.example.com:443 --compression=gzip --header=api-key=SECRET')
    .example(
      'otel --endpoint=http://localhost:4318/v1/metrics --protocol=http --resource=deployment.environment=prod',
    )
    .action(handlers.otel);
  return program;
}

function describeFlags(program: Sade, flags: readonly Flag[]): void {
  for (const flag of flags) {
    const usage = flag.value === undefined ? '' : `${flag.value}: `;
    program.option(`--${flag.name}`, `${usage}${flag.description}`, flag.default as never);
  }
}
