import ms from 'ms';
import {
  DEFAULT_COLLECT_INTERVAL_MILLIS,
  DEFAULT_MAX_SAMPLE_AGE_MILLIS,
  DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS,
  DELIVERY_DEFAULTS,
} from '../../defaults.js';
import { LOG_LEVELS } from '../log-filter.js';
import type { Command, Flag, FlagVariable, Variable } from './flag.js';

/** Both forms of a variable of OTLP: that of metrics wins. Source: the OTLP exporter specification. */
const otlpVariables = (name: string, isMillis = false): FlagVariable[] => [
  { name: `OTEL_EXPORTER_OTLP_METRICS_${name}`, isMillis },
  { name: `OTEL_EXPORTER_OTLP_${name}`, isMillis },
];

/** Flags of every command. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: 'log-level',
    value: 'LEVEL',
    choices: LOG_LEVELS,
    default: 'info',
    description:
      'Least severe level logged: error, warn, info, debug or trace. RUST_LOG, if set, overrides it.',
  },
  {
    name: 'log-format',
    value: 'FORMAT',
    choices: ['text', 'json'],
    default: 'text',
    description: 'text, or json: one object a line, for log aggregators.',
  },
];

const LABEL_FLAGS: readonly Flag[] = [
  {
    name: 'no-labels',
    description: "Give sandboxes no labels, and do not look at msb's catalog: fewer series.",
  },
  {
    name: 'exclude-label-key',
    value: 'KEY',
    repeatable: true,
    description:
      'Leave out the label of this key, exact and case-sensitive: fewer series where it has many values. Repeatable.',
  },
];

const COLLECT_FLAGS: readonly Flag[] = [
  {
    name: 'msb-home',
    value: 'PATH',
    completes: 'directories',
    variables: [{ name: 'MSB_HOME' }],
    description:
      "msb's home, exactly as msb has it: the registry's name is made from it. (default ~/.microsandbox)",
  },
  {
    name: 'registry-owner',
    value: 'USER',
    completes: 'users',
    description:
      "The user that runs msb, by name or number: only this user's registries are read. (default the user that runs msb-metrics; for root the owner of msb-home)",
  },
  {
    name: 'collect-interval',
    value: 'DURATION',
    default: ms(DEFAULT_COLLECT_INTERVAL_MILLIS),
    description: 'How often shared memory is read.',
  },
  {
    name: 'max-sample-age',
    value: 'DURATION',
    default: ms(DEFAULT_MAX_SAMPLE_AGE_MILLIS),
    description: 'Sandboxes whose newest sample is older are left out. 0s turns this off.',
  },
  ...LABEL_FLAGS,
];

const MAX_BUFFERED: Flag = {
  name: 'max-buffered',
  value: 'COUNT',
  default: String(DELIVERY_DEFAULTS.maxBuffered),
  description: 'Most collections held for delivery; beyond it the oldest is dropped.',
};

const EXPORT_TIMEOUT: Flag = {
  name: 'export-timeout',
  value: 'DURATION',
  default: ms(DELIVERY_DEFAULTS.exportTimeoutMillis),
  variables: [...otlpVariables('TIMEOUT', true), { name: 'OTEL_METRIC_EXPORT_TIMEOUT', isMillis: true }],
  description: 'Longest that one export may take, and the drain at shutdown.',
};

const BACKEND_FLAGS: readonly Flag[] = [
  {
    name: 'endpoint',
    value: 'URL',
    variables: otlpVariables('ENDPOINT'),
    description:
      'Where to send. For grpc http(s)://HOST:PORT; for http the complete URL of the metrics signal, used exactly as given. Required, unless a variable gives it.',
  },
  {
    name: 'protocol',
    value: 'PROTOCOL',
    choices: ['grpc', 'http', 'http/protobuf'],
    default: 'grpc',
    variables: otlpVariables('PROTOCOL'),
    description:
      'grpc (usually port 4317), or http, also written http/protobuf: bodies in protobuf (usually port 4318).',
  },
  {
    name: 'compression',
    value: 'ALGORITHM',
    choices: ['none', 'gzip'],
    default: 'none',
    variables: otlpVariables('COMPRESSION'),
    description: 'gzip or none. The flag goes with grpc only; the variables go with both.',
  },
  {
    name: 'ca-cert',
    value: 'FILE',
    completes: 'files',
    variables: otlpVariables('CERTIFICATE'),
    description:
      'PEM of certificate authorities to trust on top of the public roots. The flag goes with grpc only; the variables go with both.',
  },
  {
    name: 'client-cert',
    value: 'FILE',
    completes: 'files',
    variables: otlpVariables('CLIENT_CERTIFICATE'),
    description: 'PEM of the certificate to show to the backend, with its chain. Needs --client-key.',
  },
  {
    name: 'client-key',
    value: 'FILE',
    completes: 'files',
    variables: otlpVariables('CLIENT_KEY'),
    description: 'PEM of the private key of --client-cert, without a passphrase.',
  },
  {
    name: 'header',
    value: 'KEY=VALUE',
    repeatable: true,
    description:
      'Header of every request, such as Authorization. Wins over --header-file and the variables. Everybody on this host can read it (ps): put secrets into a file. Repeatable.',
  },
  {
    name: 'header-file',
    value: 'FILE',
    completes: 'files',
    description:
      'File with a header a line, KEY=VALUE or KEY: VALUE. Wins over the variables. Read again when it changes.',
  },
  {
    name: 'resource',
    value: 'KEY=VALUE',
    repeatable: true,
    description: 'Resource attribute. Wins over OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME. Repeatable.',
  },
];

const ATTRIBUTE_FLAGS: readonly Flag[] = [
  {
    name: 'emit-run-id',
    description: 'Add sandbox.run_id to every data point: a new series at every restart.',
  },
  { name: 'emit-pid', description: 'Add sandbox.pid to every data point: a new series at every restart.' },
];

const OTEL_FLAGS: readonly Flag[] = [
  {
    name: 'exporter',
    value: 'EXPORTER',
    choices: ['native', 'sdk'],
    default: 'native',
    description:
      'native: our own encoder and transports; or sdk: the official exporters of OpenTelemetry JS, to take ours out of the picture.',
  },
  ...BACKEND_FLAGS,
  ...ATTRIBUTE_FLAGS,
  ...COLLECT_FLAGS,
  {
    name: 'flush-interval',
    value: 'DURATION',
    default: ms(DELIVERY_DEFAULTS.flushIntervalMillis),
    variables: [{ name: 'OTEL_METRIC_EXPORT_INTERVAL', isMillis: true }],
    description: 'How often what is buffered is exported.',
  },
  MAX_BUFFERED,
  EXPORT_TIMEOUT,
  {
    name: 'spool-dir',
    value: 'DIR',
    completes: 'directories',
    description:
      'Keep on disk what the backend does not take: nothing is lost in an outage, at a restart or by a kill. A directory of its own, 0700. (default off: the newest --max-buffered in memory)',
  },
  {
    name: 'spool-max-size',
    value: 'SIZE',
    default: '2GiB',
    description: 'Most that --spool-dir takes; beyond it the oldest is dropped. Written 500MiB, 2GiB.',
  },
  {
    name: 'health-listen',
    value: 'HOST:PORT',
    description:
      "Serve /healthz, /readyz, /status and /metrics (the sidecar's own) here, such as 127.0.0.1:9465. Everybody who can connect can read them. (default off)",
  },
];

const STDOUT_FLAGS: readonly Flag[] = [
  { name: 'once', description: 'Print one reading and exit: 0, or 1 if no registry could be read.' },
  {
    name: 'format',
    value: 'FORMAT',
    choices: ['text', 'json'],
    default: 'text',
    description: 'text, or json: one object a line and snapshot, with every field, for jq.',
  },
  ...COLLECT_FLAGS,
  {
    name: 'flush-interval',
    value: 'DURATION',
    default: ms(DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS),
    description: 'How often lines are written.',
  },
  MAX_BUFFERED,
];

const PROMETHEUS_FLAGS: readonly Flag[] = [
  {
    name: 'listen',
    value: 'HOST:PORT',
    default: '127.0.0.1:9464',
    description:
      'Where to listen. Everybody who can connect can read the page: TLS and tokens are the business of a proxy in front.',
  },
  {
    name: 'timestamps',
    description:
      'Add the time of the sample to each value. Without it Prometheus marks what is gone as stale at once.',
  },
  ...ATTRIBUTE_FLAGS,
  ...COLLECT_FLAGS,
];

const CHECK_FLAGS: readonly Flag[] = [
  {
    name: 'format',
    value: 'FORMAT',
    choices: ['text', 'json'],
    default: 'text',
    description: 'text: a line for each thing looked at; or json: one document.',
  },
  {
    name: 'health',
    value: 'URL',
    description:
      'Look only at the /healthz, or with that path the /readyz, of a process that runs with --health-listen: for probes without curl.',
  },
  ...OTEL_FLAGS,
];

/** The shells for which there are completions. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

/** The commands, in the order of help. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'stdout',
    description: [
      'Print the metrics of the running sandboxes.',
      'One line a sandbox and second, for looking at what msb-metrics reads, without an OTLP receiver. A value that the runtime does not know is shown as -, in JSON as null. The form of the text lines is not a stable contract.',
    ],
    flags: [...STDOUT_FLAGS, ...GLOBAL_FLAGS],
    examples: [
      'stdout',
      'stdout --once',
      'stdout --format=json | jq .cpu_utilization',
      'stdout --msb-home=/var/lib/microsandbox --collect-interval=5s',
    ],
  },
  {
    name: 'otel',
    description: [
      'Ship the metrics of the running sandboxes over OTLP.',
      'Shared memory is read at every collect interval; what was read is held and exported at every flush interval. Each sample is sent once, with the time at which it was taken. After a failure it waits for 1, 2, 4, ... at most 32 flush intervals. While the backend is away, the newest --max-buffered collections are kept. On SIGINT or SIGTERM what is held gets one last export; a second signal exits at once. Durations are written 500ms, 1s, 2m or 1m30s.',
      'Files of certificates, keys and headers are read again when they change, without a restart.',
      'Exit status: 0 after a clean stop, 1 if the last export failed, 2 for bad input.',
    ],
    flags: [...OTEL_FLAGS, ...GLOBAL_FLAGS],
    examples: [
      'otel --endpoint=http://localhost:4317',
      'otel --endpoint=https://otlp.example.com --header-file=headers',
      'otel --endpoint=http://otel:4318/v1/metrics --protocol=http',
      'otel --endpoint=http://localhost:4317 --resource=env=prod',
    ],
  },
  {
    name: 'prometheus',
    description: [
      'Serve a page of the running sandboxes for Prometheus to scrape.',
      'The page is /metrics. A scrape reads shared memory, at most once a collect interval. Names and labels are those that Prometheus makes of what otel sends to it.',
      'Exit status: 0 after a signal, 1 if the address cannot be listened on, 2 for bad input.',
    ],
    flags: [...PROMETHEUS_FLAGS, ...GLOBAL_FLAGS],
    examples: ['prometheus', 'prometheus --listen=127.0.0.1:9100 --emit-run-id'],
  },
  {
    name: 'check',
    description: [
      'Look at all that msb-metrics needs, and say what is wrong.',
      'Looks at the registry, and with the flags or variables of otel also at the way to the backend: name, connection, TLS, and one real export request without data, which adds no series. Takes at most 10 s.',
      'Exit status: 0 if all is well (also with warnings), 1 if something is not, 2 for bad input.',
    ],
    flags: [...CHECK_FLAGS, ...GLOBAL_FLAGS],
    examples: [
      'check',
      'check --endpoint=http://localhost:4317',
      'check --format=json',
      'check --health=http://127.0.0.1:9465',
    ],
  },
  {
    name: 'spool',
    description: [
      'Show what is in a spool.',
      'ls DIR: a line a segment of the directory of --spool-dir. cat FILE: the samples of a segment, one JSON object a line, as stdout --format=json prints them. It changes nothing, also while a process uses the spool.',
    ],
    argument: { name: 'ACTION', choices: ['ls', 'cat'] },
    operand: { name: 'PATH' },
    flags: GLOBAL_FLAGS,
    examples: [
      'spool ls /var/lib/msb-metrics',
      'spool cat /var/lib/msb-metrics/0000000000000001-10-0.segment',
    ],
  },
  {
    name: 'completion',
    description: [
      'Print a script that completes commands and flags in a shell.',
      'bash: source <(msb-metrics completion bash). zsh: msb-metrics completion zsh, into a file _msb-metrics in a folder of $fpath. fish: msb-metrics completion fish, into ~/.config/fish/completions/msb-metrics.fish.',
    ],
    argument: { name: 'SHELL', choices: SHELLS },
    flags: GLOBAL_FLAGS,
    examples: ['completion bash', 'completion zsh', 'completion fish'],
  },
];

const BACKEND_COMMANDS = ['otel', 'check'];
const ALL_COMMANDS = COMMANDS.map(({ name }) => name);

/** The environment variables beside those of flags. */
export const VARIABLES: readonly Variable[] = [
  {
    name: 'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
    commands: BACKEND_COMMANDS,
    description: 'Headers, key=value,key=value, percent-encoded. Each wins over the same one of the next.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    commands: BACKEND_COMMANDS,
    description: 'Headers, as above.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_METRICS_INSECURE',
    commands: BACKEND_COMMANDS,
    description:
      'true: a variable with an endpoint for gRPC that has no scheme means http://. Wins over the next.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_INSECURE',
    commands: BACKEND_COMMANDS,
    description: 'As above. (default false: https://)',
  },
  {
    name: 'OTEL_SERVICE_NAME',
    commands: BACKEND_COMMANDS,
    description: 'Resource attribute service.name. (default microsandbox)',
  },
  {
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    commands: BACKEND_COMMANDS,
    description: 'Resource attributes, key=value,key=value, percent-encoded.',
  },
  {
    name: 'OTEL_SDK_DISABLED',
    commands: ['otel'],
    description: 'true: collects and sends nothing, and exits at once with 0.',
  },
  {
    name: 'OTEL_EXPORTER_PROMETHEUS_HOST',
    commands: ['prometheus'],
    description: 'The host of --listen.',
  },
  {
    name: 'OTEL_EXPORTER_PROMETHEUS_PORT',
    commands: ['prometheus'],
    description: 'The port of --listen.',
  },
  {
    name: 'HTTP_PROXY',
    commands: BACKEND_COMMANDS,
    description: 'Proxy for endpoints of http://, http://HOST:PORT. In lower or upper case, as the next two.',
  },
  { name: 'HTTPS_PROXY', commands: BACKEND_COMMANDS, description: 'Proxy for endpoints of https://.' },
  {
    name: 'NO_PROXY',
    commands: BACKEND_COMMANDS,
    description: 'Names, addresses and networks that no proxy is used for. Loopback never goes to one.',
  },
  {
    name: 'NODE_EXTRA_CA_CERTS',
    commands: BACKEND_COMMANDS,
    description: 'PEM of certificate authorities to trust besides the public roots, with both protocols.',
  },
  { name: 'RUST_LOG', commands: ALL_COMMANDS, description: 'Filter of the log: LEVEL, or TARGET=LEVEL,...' },
  { name: 'NO_COLOR', commands: ALL_COMMANDS, description: 'Set: no colours in the log on a terminal.' },
];

/** The command of a name; `undefined` if there is none. */
export function commandNamed(name: string | undefined): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** Every flag of every command, once a name. */
export const ALL_FLAGS: readonly Flag[] = [
  ...new Map(COMMANDS.flatMap(({ flags }) => flags).map((flag) => [flag.name, flag])).values(),
];
