import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-'));
const notPem = join(directory, 'not-pem');
const brokenPem = join(directory, 'broken.pem');
writeFileSync(notPem, 'hello');
writeFileSync(brokenPem, '-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n');
afterAll(() => rmSync(directory, { recursive: true }));

const grpc = ['otel', '--endpoint=http://localhost:4317'];
const http = ['otel', '--endpoint=http://localhost:4318/v1/metrics', '--protocol=http'];
const secret = 'hunter2-hunter2';

/** What is typed, and the one line that answers it. */
const refusals: readonly [string[], string][] = [
  [[], 'no command: expected stdout or otel; see msb-metrics --help'],
  [['otle'], '"otle": no such command: expected stdout or otel'],
  [
    ['stdout', 'now'],
    'argument 2, of 3 characters: unexpected beside the command stdout: expected flags only, and quotes around a value with blanks',
  ],
  [['stdout', '--colour'], '--colour: no such flag of stdout: see msb-metrics stdout --help'],
  [['stdout', '--endpoint=http://x:1'], '--endpoint: no such flag of stdout: it is a flag of otel'],
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
  [
    ['otel', '--headers', `api-key=${secret}`],
    '--headers: no such flag of otel: see msb-metrics otel --help',
  ],
  [['otel', '-H', `api-key=${secret}`], '-H: no such flag of otel: see msb-metrics otel --help'],
  [['otel', `-H${secret}`], '-H: no such flag of otel: see msb-metrics otel --help'],
  [['--headers', `api-key=${secret}`, 'otel'], '--headers: no such flag: see msb-metrics --help'],
  [[secret, 'otel'], 'argument 1, of 15 characters: no such command: expected stdout or otel'],
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
  [['otel'], '--endpoint: missing: expected the OTLP endpoint, such as --endpoint=http://localhost:4317'],
  [
    ['otel', '--protocol=http'],
    '--endpoint: missing: expected the OTLP endpoint, such as --endpoint=http://localhost:4318/v1/metrics',
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
  [[...grpc, '--protocol=tcp'], '--protocol: got "tcp": expected grpc or http'],
  [[...grpc, '--compression=zstd'], '--compression: got "zstd": expected none or gzip'],
  [
    [...http, '--compression=gzip'],
    '--compression: got "gzip" with --protocol=http: expected none, gzip goes with grpc only',
  ],
  [
    [...http, '--ca-cert=/ca.pem'],
    '--ca-cert: got "/ca.pem" with --protocol=http: it goes with grpc only; for http set NODE_EXTRA_CA_CERTS',
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
      { OTEL_RESOURCE_ATTRIBUTES: '=prod' },
      'OTEL_RESOURCE_ATTRIBUTES: entry 1 lacks its key or its =: expected key=value,key=value, and %2C for a comma in a value',
    ],
  ])('also in the environment: %j', async (env, message) => {
    const { code, stderr } = await cli(grpc, env);
    expect(stderr).toBe(`error: ${message}\n`);
    expect(code).toBe(2);
  });
});
