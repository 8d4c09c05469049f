import { quoted, UsageError } from './usage-error.js';

/** A flag of the command line. */
export interface Flag {
  readonly name: string;
  /** Name of its value in help; none for a switch. */
  readonly value?: string;
  readonly repeatable?: boolean;
  /** The default, as one would type it. */
  readonly default?: string;
  readonly description: string;
}

/** Flags of the program, before or after the command. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: 'log-level',
    value: 'LEVEL',
    default: 'info',
    description:
      'Least severe level logged: error, warn, info, debug or trace. RUST_LOG, if set, overrides it.',
  },
  {
    name: 'log-format',
    value: 'FORMAT',
    default: 'text',
    description: 'text, or json: one object a line, for log aggregators.',
  },
];

const COLLECT_FLAGS: readonly Flag[] = [
  {
    name: 'msb-home',
    value: 'PATH',
    description:
      "msb's home, exactly as msb has it: the registry's name is made from it.  (default $MSB_HOME, or ~/.microsandbox)",
  },
  {
    name: 'registry-owner',
    value: 'USER',
    description:
      "The user that runs msb, by name or number: only this user's registries are read.  (default the user that runs msb-metrics; for root the owner of msb-home)",
  },
  {
    name: 'collect-interval',
    value: 'DURATION',
    default: '1s',
    description: 'How often shared memory is read.',
  },
  {
    name: 'max-sample-age',
    value: 'DURATION',
    default: '30s',
    description: 'Sandboxes whose newest sample is older are left out. 0s turns this off.',
  },
];

const MAX_BUFFERED: Flag = {
  name: 'max-buffered',
  value: 'COUNT',
  default: '60',
  description: 'Most collections held for delivery; beyond it the oldest is dropped.',
};

/** Flags of `stdout`. */
export const STDOUT_FLAGS: readonly Flag[] = [
  ...COLLECT_FLAGS,
  {
    name: 'flush-interval',
    value: 'DURATION',
    default: '1s',
    description: 'How often lines are written.',
  },
  MAX_BUFFERED,
];

/** Flags of `otel`. */
export const OTEL_FLAGS: readonly Flag[] = [
  {
    name: 'endpoint',
    value: 'URL',
    description:
      'Required. For grpc http(s)://HOST:PORT; for http the complete URL of the metrics signal, used exactly as given.',
  },
  {
    name: 'protocol',
    value: 'PROTOCOL',
    default: 'grpc',
    description: 'grpc (usually port 4317), or http: bodies in protobuf (usually port 4318).',
  },
  {
    name: 'compression',
    value: 'ALGORITHM',
    default: 'none',
    description: 'gzip or none. With grpc only.',
  },
  {
    name: 'ca-cert',
    value: 'FILE',
    description: 'PEM of a certificate authority to trust on top of the public roots. With grpc only.',
  },
  {
    name: 'header',
    value: 'KEY=VALUE',
    repeatable: true,
    description:
      'Header of every request, such as Authorization. Wins over OTEL_EXPORTER_OTLP_HEADERS. Repeatable.',
  },
  {
    name: 'resource',
    value: 'KEY=VALUE',
    repeatable: true,
    description: 'Resource attribute. Wins over OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME. Repeatable.',
  },
  {
    name: 'emit-run-id',
    description: 'Add sandbox.run_id to every data point: a new series at every restart.',
  },
  { name: 'emit-pid', description: 'Add sandbox.pid to every data point: a new series at every restart.' },
  ...COLLECT_FLAGS,
  {
    name: 'flush-interval',
    value: 'DURATION',
    default: '10s',
    description: 'How often what is buffered is exported.',
  },
  MAX_BUFFERED,
  {
    name: 'export-timeout',
    value: 'DURATION',
    default: '30s',
    description: 'Longest that one export may take, and the drain at shutdown.',
  },
];

/** The commands and their flags. */
export const COMMANDS: Readonly<Record<string, readonly Flag[]>> = {
  stdout: [...STDOUT_FLAGS, ...GLOBAL_FLAGS],
  otel: [...OTEL_FLAGS, ...GLOBAL_FLAGS],
};

/** What stands on a command line, checked against the flags that there are. */
export interface CommandLine {
  readonly command: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
  /** Values by flag, in order; a switch has one empty value. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

const SWITCHES_OF_ALL = new Set(['help', 'version']);

/**
 * Takes a command line apart: `--flag value`, `--flag=value`, switches, and one command anywhere among them.
 *
 * @param argv without the program's own name
 * @throws {UsageError} for a command or a flag that does not exist, lacks its value, or comes too often; what may be
 * a value in the wrong place, and so a secret, is not repeated
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { command, problem } = findCommand(argv);
  const flags = flagsOf(command, problem);
  const values = new Map<string, string[]>();
  let help = false;
  let version = false;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index];
    if (argument === '-h' || argument === '--help') {
      help = true;
    } else if (argument === '-v' || argument === '-V' || argument === '--version') {
      version = true;
    } else if (argument.startsWith('-')) {
      const { name, inline } = split(argument);
      const flag = flags.find((known) => known.name === name) ?? unknown(argument, command);
      const value = inline ?? (flag.value === undefined ? undefined : argv[++index]);
      values.set(flag.name, [...(values.get(flag.name) ?? []), checkedValue(flag, inline, value)]);
      if (flag.repeatable !== true && (values.get(flag.name)?.length ?? 0) > 1) {
        throw new UsageError(`--${flag.name}: given twice: expected it once`);
      }
    }
  }
  if (problem !== undefined) {
    throw new UsageError(problem);
  }
  return { command, help, version, values };
}

/** The flags to expect. All flags if the command is not known, so that a bad flag is reported first. */
function flagsOf(command: string | undefined, problem: string | undefined): readonly Flag[] {
  if (command !== undefined) {
    return COMMANDS[command];
  }
  return problem === undefined ? GLOBAL_FLAGS : Object.values(COMMANDS).flat();
}

function split(argument: string): { name: string; inline: string | undefined } {
  const equals = argument.indexOf('=');
  return {
    name: (equals === -1 ? argument : argument.slice(0, equals)).replace(/^--/u, ''),
    inline: equals === -1 ? undefined : argument.slice(equals + 1),
  };
}

/** The one argument that is neither a flag nor a flag's value, and what is wrong with it, or with another. */
function findCommand(argv: readonly string[]): {
  readonly command: string | undefined;
  readonly problem?: string;
} {
  const takesValue = new Set(
    Object.values(COMMANDS)
      .flat()
      .filter((flag) => flag.value !== undefined)
      .map((flag) => `--${flag.name}`),
  );
  const bare = Array.from(argv.keys()).filter(
    (index) => !argv[index].startsWith('-') && !takesValue.has(argv[index - 1]),
  );
  const [first, second] = bare;
  const command: string | undefined = argv[first];
  if (command !== undefined && !Object.hasOwn(COMMANDS, command)) {
    const isWord = first === 0 && /^[a-z][a-z-]{0,19}$/u.test(command);
    const shown = isWord ? quoted(command) : numbered(argv, first);
    return {
      command: undefined,
      problem: `${shown}: no such command: expected ${Object.keys(COMMANDS).join(' or ')}`,
    };
  }
  return second === undefined
    ? { command }
    : {
        command,
        problem: `${numbered(argv, second)}: unexpected beside the command ${command}: expected flags only, and quotes around a value with blanks`,
      };
}

function numbered(argv: readonly string[], index: number): string {
  return `argument ${index + 1}, of ${argv[index].length} characters`;
}

function unknown(argument: string, command: string | undefined): never {
  const { name } = split(argument);
  const shown = argument.startsWith('--') ? `--${shortened(name)}` : argument.slice(0, 2);
  const owners = Object.keys(COMMANDS).filter((each) => COMMANDS[each].some((flag) => flag.name === name));
  const remedy =
    owners.length > 0
      ? `it is a flag of ${owners.join(' and ')}`
      : `see msb-metrics ${command === undefined ? '' : `${command} `}--help`;
  throw new UsageError(`${shown}: no such flag${command === undefined ? '' : ` of ${command}`}: ${remedy}`);
}

/**
 * A name that is no flag may have a secret in it: a value that was written without its `=`. The part is shown that is also
 * the beginning of a flag, and of other names no more than a flag could have.
 */
function shortened(name: string): string {
  const flags = Object.values(COMMANDS).flat();
  const known = flags
    .map((flag) => flag.name)
    .filter((flag) => name.startsWith(flag))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined && name.length > known.length + 2) {
    return `${known}...`;
  }
  return name.length > LONGEST_FLAG || !/^[a-z-]+$/u.test(name) ? `${name.slice(0, 4)}...` : name;
}

/** No flag is longer, in characters. */
const LONGEST_FLAG = 20;

function checkedValue(flag: Flag, inline: string | undefined, value: string | undefined): string {
  if (flag.value === undefined) {
    if (inline !== undefined) {
      throw new UsageError(
        `--${flag.name}: got the value ${quoted(inline.length > 5 ? `${inline.slice(0, 3)}...` : inline)}: expected none, it is a switch`,
      );
    }
    return '';
  }
  if (value === undefined || value === '') {
    throw new UsageError(`--${flag.name}: got no value: expected --${flag.name}=${flag.value}`);
  }
  if (inline === undefined && looksLikeFlag(value)) {
    throw new UsageError(
      `--${flag.name}: got ${quoted(value.split('=')[0])} where its value should be: expected --${flag.name}=${flag.value}`,
    );
  }
  return value;
}

function looksLikeFlag(value: string): boolean {
  const name = value.replace(/^--/u, '').split('=')[0];
  return (
    value.startsWith('--') &&
    (SWITCHES_OF_ALL.has(name) ||
      Object.values(COMMANDS).some((flags) => flags.some((flag) => flag.name === name)))
  );
}
