import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';
import { clientFiles, ENCRYPTED_KEY_FILE } from '../support/tls.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-'));
const notPem = join(directory, 'not-pem');
const brokenPem = join(directory, 'broken.pem');
writeFileSync(notPem, 'hello');
writeFileSync(brokenPem, '-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n');
afterAll(() => rmSync(directory, { recursive: true }));

const grpc = ['otel', '--endpoint=http://localhost:4317'];
const http = ['otel', '--endpoint=http://localhost:4318/v1/metrics', '--protocol=http'];
const tls = ['otel', '--endpoint=https://localhost:4317'];
const secret = 'hunter2-hunter2';

const brokenKey = join(directory, 'broken.key');
const badHeaders = join(directory, 'bad-headers');
const reservedHeader = join(directory, 'reserved-header');
writeFileSync(brokenKey, '-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n');
writeFileSync(badHeaders, `# comment\n\n${secret}\n`);
writeFileSync(reservedHeader, `host: ${secret}\n`);

const pipe = join(directory, 'pipe');
const noHeaders = join(directory, 'no-headers');
execFileSync('mkfifo', [pipe]);
writeFileSync(noHeaders, '# none\n');

const CLIENT = clientFiles('client');
const RENEWED = clientFiles('client-renewed');

/** What is typed, and the one line that answers it. */
const refusals: readonly [string[], string][] = [
  [[], 'no command: expected stdout, otel, prometheus, check, spool or completion; see msb-metrics --help'],
  [
    ['otle'],
    '"otle": no such command: did you mean otel? expected stdout, otel, prometheus, check, spool or completion',
  ],
  [
    ['stdout', 'now'],
    'argument 2, of 3 characters: unexpected beside the command stdout: expected flags only, and quotes around a value with blanks',
  ],
  [['stdout', '--colour'], '--colour: no such flag of stdout: see msb-metrics stdout --help'],
  [['stdout', '--endpoint=http://x:1'], '--endpoint: no such flag of stdout: it is a flag of otel and check'],
  [['stdout', '-x'], '-x: no such flag of stdout: see msb-metrics stdout --help'],
  [['--verbose'], '--verbose: no such flag: see msb-metrics --help'],
  [['otel', `--header-${secret}`], '--header...: no such flag of otel: see msb-metrics otel --help'],
  [['otel', `--${secret}`], `--${secret.slice(0, 4)}...: no such flag of otel: see msb-metrics otel --help`],
  [
    [...grpc, `--emit-pid=${secret}`],
    `--emit-pid: got the value "${secret.slice(0, 3)}...": expected none, it is a switch`,
  ],
  [
    ['stdout', '--registry-owner=no-such-user'],
    '--registry-owner: got "no-such-user": expected the name of a user of this host, or a number, such as 1000',
  ],
  [['otel', '--headers', `api-key=${secret}`], '--headers: no such flag of otel: did you mean --header?'],
  [['otel', '-H', `api-key=${secret}`], '-H: no such flag of otel: see msb-metrics otel --help'],
  [['otel', `-H${secret}`], '-H: no such flag of otel: see msb-metrics otel --help'],
  [['--headers', `api-key=${secret}`, 'otel'], '--headers: no such flag: did you mean --header?'],
  [
    [secret, 'otel'],
    'argument 1, of 15 characters: no such command: expected stdout, otel, prometheus, check, spool or completion',
  ],
  [
    [...grpc, '--header', 'Authorization=Bearer', secret],
    'argument 5, of 15 characters: unexpected beside the command otel: expected flags only, and quotes around a value with blanks',
  ],
  [
    [...grpc, '--header', `Authorization: Bearer ${secret}==`],
    '--header: the header name that begins with authorization has a character that names may not have: expected letters, digits and -',
  ],
  [
    ['otel', '--endpoint=http://a:1', `--endpoint=http://user:${secret}@b:1`],
    '--endpoint: given twice: expected it once',
  ],
  [
    ['otel', `--endpoint=http://a:1/m?key=${secret}`],
    '--endpoint: http://a:1/m?*** has a path, which gRPC does not have: expected http://a:1, or the protocol http',
  ],
  [
    ['otel'],
    '--endpoint: missing: expected the OTLP endpoint, such as --endpoint=http://localhost:4317, or OTEL_EXPORTER_OTLP_ENDPOINT',
  ],
  [
    ['otel', '--protocol=http'],
    '--endpoint: missing: expected the OTLP endpoint, such as --endpoint=http://localhost:4318/v1/metrics, or OTEL_EXPORTER_OTLP_ENDPOINT',
  ],
  [['otel', '--endpoint'], '--endpoint: got no value: expected --endpoint=URL'],
  [['otel', '--endpoint='], '--endpoint: got no value: expected --endpoint=URL'],
  [
    ['otel', '--endpoint', '--emit-pid'],
    '--endpoint: got "--emit-pid" where its value should be: expected --endpoint=URL',
  ],
  [
    ['otel', '--endpoint=localhost:4317'],
    '--endpoint: localhost:4317 has no scheme: did you mean http://localhost:4317?',
  ],
  [
    ['otel', '--endpoint=http://'],
    '--endpoint: http:// is not a URL: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
  ],
  [
    ['otel', '--endpoint=ftp://x:1'],
    '--endpoint: ftp://x:1 has the scheme ftp: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
  ],
  [
    ['otel', '--endpoint=http://x:1/v1/metrics'],
    '--endpoint: http://x:1/v1/metrics has a path, which gRPC does not have: expected http://x:1, or the protocol http',
  ],
  [
    ['otel', `--endpoint=https://user:${secret}@x:1`],
    '--endpoint: https://***@x:1 holds credentials, which do not belong in a URL: send them as a header, such as Authorization',
  ],
  [
    ['otel', `--endpoint=user:${secret}@x:1`],
    '--endpoint: ***@x:1 has no scheme: did you mean http://***@x:1?',
  ],
  [['otel', '--endpoint=http://a:1', '--endpoint=http://b:1'], '--endpoint: given twice: expected it once'],
  [[...grpc, '--protocol=tcp'], '--protocol: got "tcp": expected grpc, http or http/protobuf'],
  [
    [...grpc, '--protocol=http/json'],
    '--protocol: http/json is not supported: expected grpc, or http/protobuf, which the same receivers take',
  ],
  [
    ['otel', '--endpoint=http://x:1/v1/metrics', '--protocol=http/protobuf', '--compression=gzip'],
    '--compression: got "gzip" with --protocol=http/protobuf: the flag goes with grpc only; for http set OTEL_EXPORTER_OTLP_COMPRESSION=gzip',
  ],
  [[...grpc, '--compression=zstd'], '--compression: got "zstd": expected none or gzip'],
  [
    [...http, '--compression=gzip'],
    '--compression: got "gzip" with --protocol=http: the flag goes with grpc only; for http set OTEL_EXPORTER_OTLP_COMPRESSION=gzip',
  ],
  [
    [...http, '--ca-cert=/ca.pem'],
    '--ca-cert: got "/ca.pem" with --protocol=http: the flag goes with grpc only; for http set OTEL_EXPORTER_OTLP_CERTIFICATE',
  ],
  [
    [...grpc, '--ca-cert=/ca.pem'],
    '--ca-cert: got "/ca.pem" with an endpoint of http://, which has no TLS: expected an endpoint of https://',
  ],
  [
    ['otel', '--endpoint=https://x:1', '--ca-cert=/no/such/file'],
    '--ca-cert: cannot read "/no/such/file" (ENOENT): expected a PEM file that this user may read',
  ],
  [
    ['otel', '--endpoint=https://x:1', `--ca-cert=${notPem}`],
    `--ca-cert: "${notPem}" holds no PEM certificate: expected -----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----`,
  ],
  [
    ['otel', '--endpoint=https://x:1', `--ca-cert=${brokenPem}`],
    `--ca-cert: "${brokenPem}" holds a broken certificate: expected PEM certificates`,
  ],
  [
    [...grpc, `--header=${secret}`],
    `--header: got a value of ${secret.length} characters without =: expected KEY=VALUE`,
  ],
  [[...grpc, `--header==${secret}`], '--header: got a value without a key before its =: expected KEY=VALUE'],
  [
    [...grpc, `--header=bad name=${secret}`],
    '--header: the header name that begins with bad has a character that names may not have: expected letters, digits and -',
  ],
  [
    [...grpc, `--header=x-token=${secret}\u0007`],
    '--header: the value of x-token has a character that headers may not have: expected printable ASCII',
  ],
  [
    [...grpc, `--header=Content-Type=${secret}`],
    '--header: Content-Type is a header that the protocol itself sets',
  ],
  [
    [...grpc, `--header=trace-bin=${secret}`],
    '--header: trace-bin is a header with a binary value, which is not supported',
  ],
  [[...grpc, '--resource=env'], '--resource: got a value of 3 characters without =: expected KEY=VALUE'],
  [[...grpc, '--resource==prod'], '--resource: got a value without a key before its =: expected KEY=VALUE'],
  [[...grpc, '--emit-pid=yes'], '--emit-pid: got the value "yes": expected none, it is a switch'],
  ...['0', '-1', '1.5', 'many', '1e3', '9007199254740993'].map((count): [string[], string] => [
    [...grpc, `--max-buffered=${count}`],
    `--max-buffered: got "${count}": expected an integer of 1 or more, such as 60`,
  ]),
  [
    [...grpc, '--max-buffered', '-1'],
    '--max-buffered: got "-1": expected an integer of 1 or more, such as 60',
  ],
  ...['5', '-5s', '1M', '1 parsec', 's', 'NaN', '1s-1s', '0.0001s', '1us'].map(
    (duration): [string[], string] => [
      ['stdout', `--collect-interval=${duration}`],
      `--collect-interval: got "${duration}": expected a duration with its unit, such as 500ms, 1s, 2m or 1m30s`,
    ],
  ),
  [
    ['stdout', '--collect-interval=0s'],
    '--collect-interval: got "0s": expected 1 ms or more, and 596h at most',
  ],
  [
    ['stdout', '--collect-interval=25d'],
    '--collect-interval: got "25d": expected 1 ms or more, and 596h at most',
  ],
  [['stdout', '--flush-interval=0ms'], '--flush-interval: got "0ms": expected 1 ms or more, and 18h at most'],
  [[...grpc, '--flush-interval=19h'], '--flush-interval: got "19h": expected 1 ms or more, and 18h at most'],
  [[...grpc, '--export-timeout=0s'], '--export-timeout: got "0s": expected 1 ms or more, and 596h at most'],
  [
    ['stdout', '--max-sample-age=soon'],
    '--max-sample-age: got "soon": expected a duration with its unit, such as 500ms, 1s, 2m or 1m30s',
  ],
  [
    ['stdout', '--flush-interval', '--max-buffered=3'],
    '--flush-interval: got "--max-buffered" where its value should be: expected --flush-interval=DURATION',
  ],
  [['stdout', '--format=xml'], '--format: got "xml": expected text or json'],
  [['stdout', '--once=yes'], '--once: got the value "yes": expected none, it is a switch'],
  [['stdout', '--once', '--no-once'], '--once: given twice: expected it once'],
  [
    ['stdout', '--no-max-buffered'],
    '--no-max-buffered: no such flag of stdout: see msb-metrics stdout --help',
  ],
  [[...grpc, '--no-emit-pid=1'], '--emit-pid: got the value "1": expected none, it is a switch'],
  [
    ['stdout', '-collect-interval=5s'],
    '-collect-interval: a flag has two dashes: expected --collect-interval',
  ],
  [['otel', '-header', `api-key=${secret}`], '-header: a flag has two dashes: expected --header'],
  [['stdout', '-help'], '-help: a flag has two dashes: expected --help'],
  [['stdout', '-hx'], '-h: no such flag of stdout: see msb-metrics stdout --help'],
  [
    ['stdout', '--colect-interval=5s'],
    '--colect-interval: no such flag of stdout: did you mean --collect-interval?',
  ],
  [
    ['stout'],
    '"stout": no such command: did you mean stdout? expected stdout, otel, prometheus, check, spool or completion',
  ],
  [
    ['help', 'otle'],
    '"otle": no such command: did you mean otel? expected stdout, otel, prometheus, check, spool or completion',
  ],
  [['completion'], 'completion: got no SHELL: expected bash, zsh or fish'],
  [['completion', 'tcsh'], 'completion: got "tcsh": expected bash, zsh or fish'],
  [
    ['completion', 'bash', 'zsh'],
    'argument 3, of 3 characters: unexpected beside the command completion: expected flags only, and quotes around a value with blanks',
  ],
  [['check', '--format=yaml'], '--format: got "yaml": expected text or json'],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`],
    '--client-key: missing: --client-cert needs it: expected the PEM file of both',
  ],
  [
    [...tls, `--client-key=${CLIENT.key}`],
    '--client-cert: missing: --client-key needs it: expected the PEM file of both',
  ],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`, '--client-key=/no/key'],
    '--client-key: cannot read "/no/key" (ENOENT): expected a PEM file that this user may read',
  ],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`, `--client-key=${notPem}`],
    `--client-key: "${notPem}" holds no PEM private key: expected -----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----`,
  ],
  [
    [...tls, `--client-cert=${notPem}`, `--client-key=${CLIENT.key}`],
    `--client-cert: "${notPem}" holds no PEM certificate: expected -----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----`,
  ],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`, `--client-key=${RENEWED.key}`],
    `--client-key: "${RENEWED.key}" holds the key of another certificate: expected the key that belongs to the client certificate`,
  ],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`, `--client-key=${ENCRYPTED_KEY_FILE}`],
    `--client-key: "${ENCRYPTED_KEY_FILE}" holds an encrypted key: expected one without a passphrase`,
  ],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`, `--client-key=${brokenKey}`],
    `--client-key: "${brokenKey}" holds a broken key: expected a PEM private key`,
  ],
  [
    [...grpc, `--client-cert=${CLIENT.certificate}`],
    `--client-cert: got "${CLIENT.certificate}" with an endpoint of http://, which has no TLS: expected an endpoint of https://`,
  ],
  [
    [...grpc, '--header-file=/no/headers'],
    '--header-file: cannot read "/no/headers" (ENOENT): expected a file that this user may read',
  ],
  [
    [...grpc, `--header-file=${directory}`],
    `--header-file: cannot read "${directory}" (EISDIR): expected a file that this user may read`,
  ],
  [
    [...grpc, `--header-file=${badHeaders}`],
    '--header-file: line 3, of 15 characters, is no header: expected KEY=VALUE or KEY: VALUE',
  ],
  [
    [...grpc, `--header-file=${reservedHeader}`],
    '--header-file: host is a header that the protocol itself sets',
  ],
  [
    [...grpc, `--header-file=Authorization=Bearer ${secret}`],
    `--header-file: cannot read "Auth...", of ${`Authorization=Bearer ${secret}`.length} characters (ENOENT): expected a file that this user may read`,
  ],
  [
    [...grpc, `--client-key=-----BEGIN PRIVATE KEY-----\n${secret}`],
    `--client-key: got "----...", of ${`-----BEGIN PRIVATE KEY-----\n${secret}`.length} characters with an endpoint of http://, which has no TLS: expected an endpoint of https://`,
  ],
  [
    [...tls, `--client-cert=${CLIENT.certificate}`, `--client-key=-----BEGIN PRIVATE KEY-----${secret}`],
    `--client-key: cannot read "----...", of ${`-----BEGIN PRIVATE KEY-----${secret}`.length} characters (ENOENT): expected a PEM file that this user may read`,
  ],
  [
    [...grpc, `--header-file=${pipe}`],
    `--header-file: cannot read "${pipe}" (no regular file): expected a file that this user may read`,
  ],
  [
    [...grpc, `--header-file=${noHeaders}`],
    '--header-file: there is no header in the file: expected KEY=VALUE or KEY: VALUE a line',
  ],
  [
    ['otel', `--endpoint=Authorization=${secret}`],
    '--endpoint: Auth... is not a URL: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
  ],
  [
    ['stdout', `--log-level=${secret}`],
    `--log-level: got "${secret.slice(0, 4)}...": expected error, warn, info, debug or trace`,
  ],
  [
    ['stdout', `--max-buffered=${secret}`],
    `--max-buffered: got "${secret.slice(0, 4)}...": expected an integer of 1 or more, such as 60`,
  ],
  [['stdout', '--log-level=loud'], '--log-level: got "loud": expected error, warn, info, debug or trace'],
  [['--log-format=xml', 'stdout'], '--log-format: got "xml": expected text or json'],
];

describe('bad input is refused before anything starts, in one line on stderr, with exit status 2', () => {
  it.each(refusals)('%j', async (args, message) => {
    const { code, stdout, stderr } = await cli(args);
    expect(stderr).toBe(`error: ${message}\n`);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(stderr).not.toContain(secret);
  });

  it.each([
    [
      { OTEL_EXPORTER_OTLP_HEADERS: secret },
      'OTEL_EXPORTER_OTLP_HEADERS: entry 1 lacks its key or its =: expected key=value,key=value, and %2C for a comma in a value',
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: `x-token=${secret}%zz` },
      'OTEL_EXPORTER_OTLP_HEADERS: entry 1 has a % that encodes nothing: expected %25 for a %, and %2C for a comma',
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'tcp' },
      'OTEL_EXPORTER_OTLP_PROTOCOL: got "tcp": expected grpc, http or http/protobuf',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json' },
      'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: http/json is not supported: expected grpc, or http/protobuf, which the same receivers take',
    ],
    [
      { OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd' },
      'OTEL_EXPORTER_OTLP_COMPRESSION: got "zstd": expected none or gzip',
    ],
    [
      { OTEL_EXPORTER_OTLP_TIMEOUT: '10s' },
      'OTEL_EXPORTER_OTLP_TIMEOUT: got "10s": expected milliseconds, such as 10000',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '0', OTEL_EXPORTER_OTLP_TIMEOUT: '5' },
      'OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: got "0": expected 1 ms or more, and 596h at most',
    ],
    [
      { OTEL_METRIC_EXPORT_TIMEOUT: '-1' },
      'OTEL_METRIC_EXPORT_TIMEOUT: got "-1": expected milliseconds, such as 10000',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '1.5' },
      'OTEL_METRIC_EXPORT_INTERVAL: got "1.5": expected milliseconds, such as 10000',
    ],
    [
      { OTEL_EXPORTER_OTLP_INSECURE: 'yes' },
      'OTEL_EXPORTER_OTLP_INSECURE: got "yes": expected true or false',
    ],
    [{ OTEL_SDK_DISABLED: '1' }, 'OTEL_SDK_DISABLED: got "1": expected true or false'],
    [
      { HTTP_PROXY: 'https://user:hunter2@proxy:1', OTEL_SERVICE_NAME: 'x' },
      'HTTP_PROXY: got a proxy of the scheme https: expected http://HOST:PORT',
    ],
  ])('also in the environment: %j', async (env, message) => {
    const { code, stderr } = await cli(['otel', '--endpoint=http://collector.example:4317'], env);
    expect(stderr).toBe(`error: ${message}\n`);
    expect(code).toBe(2);
  });
});
