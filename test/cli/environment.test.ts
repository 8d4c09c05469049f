import { describe, expect, it, onTestFinished } from 'vitest';
import { ok, type Receiver, startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';
import { CA_FILE, OTHER_CA_FILE, serverIdentity } from '../support/tls.js';

async function open<T extends Receiver>(receiver: Promise<T>): Promise<T> {
  const opened = await receiver;
  onTestFinished(() => opened.close());
  return opened;
}

const fast = ['--collect-interval=50ms', '--flush-interval=100ms'];

/** Runs `otel` with flags and variables until a request has come. */
async function firstRequest(
  receiver: Receiver,
  env: Record<string, string>,
  flags: readonly string[] = [],
): Promise<Receiver['requests'][number]> {
  const before = receiver.requests.length;
  const run = new Cli(['otel', `--msb-home=${testHome()}`, ...fast, ...flags], { env });
  await eventually(() => receiver.requests.length > before, `a request; ${JSON.stringify(env)}`);
  expect(await run.stop()).toBe(0);
  return receiver.requests[before];
}

const started = async (env: Record<string, string>, ...flags: string[]): Promise<Cli> => {
  const run = new Cli(['otel', `--msb-home=${testHome()}`, ...fast, ...flags], { env });
  await eventually(() => run.stderr.includes(': collecting '));
  return run;
};

describe("OpenTelemetry's variables", () => {
  it('give the endpoint of gRPC, also without a scheme', async () => {
    const receiver = await open(startGrpcReceiver());
    await firstRequest(receiver, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` });
    await firstRequest(receiver, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `127.0.0.1:${receiver.port}`,
      OTEL_EXPORTER_OTLP_INSECURE: 'True',
    });
  });

  it('mean TLS where the endpoint of gRPC has no scheme and nothing says otherwise', async () => {
    const receiver = await open(startGrpcReceiver({ tls: serverIdentity('server') }));
    await firstRequest(receiver, {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `localhost:${receiver.port}`,
      OTEL_EXPORTER_OTLP_CERTIFICATE: CA_FILE,
    });
  });

  it.each([
    ['', '/v1/metrics'],
    ['/', '/v1/metrics'],
    ['/otlp', '/otlp/v1/metrics'],
    ['/otlp/', '/otlp/v1/metrics'],
    ['/otlp/?tenant=1', '/otlp/v1/metrics?tenant=1'],
  ])('give the endpoint of HTTP for all signals: %j becomes %s', async (path, expected) => {
    const receiver = await open(startHttpReceiver());
    const { headers } = await firstRequest(receiver, {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}${path}`,
    });
    expect(headers[':path']).toBe(expected);
  });

  it('give way to those for metrics, and these to flags', async () => {
    const receiver = await open(startHttpReceiver());
    const origin = `http://127.0.0.1:${receiver.port}`;
    const general = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=general,b=general,c=general',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
    };
    const ofMetrics = {
      ...general,
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${origin}/as-it-is`,
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'b=metrics,c=metrics',
      OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'gzip',
    };
    const { headers } = await firstRequest(receiver, ofMetrics, ['--header=c=flag']);
    expect(headers).toMatchObject({
      ':path': '/as-it-is',
      a: 'general',
      b: 'metrics',
      c: 'flag',
      'content-encoding': 'gzip',
    });
    await firstRequest(receiver, ofMetrics, [`--endpoint=${origin}/flag`, '--compression=none']);
    expect(receiver.requests.at(-1)?.headers).toMatchObject({ ':path': '/flag' });
    expect(receiver.requests.at(-1)?.headers).not.toHaveProperty('content-encoding');
  });

  it('count as not set where they are empty', async () => {
    const receiver = await open(startGrpcReceiver());
    await firstRequest(receiver, {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: '',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: '',
      OTEL_EXPORTER_OTLP_TIMEOUT: '',
      OTEL_SDK_DISABLED: '',
      OTEL_EXPORTER_OTLP_INSECURE: '',
    });
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '300', OTEL_EXPORTER_OTLP_TIMEOUT: '60000' }],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '300', OTEL_METRIC_EXPORT_TIMEOUT: '60000' }],
    [{ OTEL_METRIC_EXPORT_TIMEOUT: '300' }],
  ])('give the timeout of an export: %j', async (env) => {
    const receiver = await open(startHttpReceiver({ reply: () => () => {} }));
    const run = await started(env, '--protocol=http', `--endpoint=${receiver.url}`);
    await eventually(() => run.stderr.includes('metrics export failed'));
    expect(run.stderr).toContain('no answer within 300 ms');
    run.child.kill('SIGKILL');
  });

  it('give the flush interval', async () => {
    const receiver = await open(startHttpReceiver({ reply: () => ok() }));
    const env = { OTEL_METRIC_EXPORT_INTERVAL: '50' };
    const run = new Cli(
      ['otel', `--msb-home=${testHome()}`, '--protocol=http', `--endpoint=${receiver.url}`],
      { env },
    );
    await eventually(() => receiver.requests.length >= 3);
    expect(await run.stop()).toBe(0);
  });

  it('of TLS are left aside without TLS', async () => {
    const receiver = await open(startGrpcReceiver());
    await firstRequest(receiver, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/no/such/file',
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: '/no/such/file',
      OTEL_EXPORTER_OTLP_CLIENT_KEY: '/no/such/file',
    });
  });

  it('of Node adds authorities to those that are named', async () => {
    const receiver = await open(startGrpcReceiver({ tls: serverIdentity('server') }));
    await firstRequest(receiver, { NODE_EXTRA_CA_CERTS: CA_FILE }, [
      `--endpoint=https://localhost:${receiver.port}`,
      `--ca-cert=${OTHER_CA_FILE}`,
    ]);
    await firstRequest(receiver, { NODE_EXTRA_CA_CERTS: CA_FILE }, [
      `--endpoint=https://localhost:${receiver.port}`,
    ]);
  });

  it('end the program with one line where they turn the SDK off', async () => {
    const run = new Cli(['otel'], { env: { OTEL_SDK_DISABLED: 'TRUE' } });
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stderr.trim().split('\n')).toEqual([
      expect.stringContaining('OTEL_SDK_DISABLED=true: nothing is collected or sent'),
    ]);
  });

  it('are named once where they have no effect here; those of other signals are not', async () => {
    const receiver = await open(startGrpcReceiver());
    const run = await started(
      {
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://x',
        grpc_proxy: 'http://proxy:1',
      },
      `--endpoint=http://127.0.0.1:${receiver.port}`,
    );
    const warnings = run.stderr.split('\n').filter((line) => line.includes('have no effect here'));
    expect(warnings).toEqual([
      expect.stringContaining(
        'variables="OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE, OTEL_METRICS_EXPORTER, grpc_proxy"',
      ),
    ]);
    expect(await run.stop()).toBe(0);
  });

  it('with broken resource attributes lose these, with a warning', async () => {
    const receiver = await open(startGrpcReceiver());
    const run = new Cli(
      [
        'otel',
        `--msb-home=${testHome()}`,
        ...fast,
        `--endpoint=http://127.0.0.1:${receiver.port}`,
        '--resource=a=flag',
      ],
      { env: { OTEL_RESOURCE_ATTRIBUTES: 'zone=eu,=prod' } },
    );
    await eventually(() => receiver.requests.length > 0);
    expect(await run.stop()).toBe(0);
    const [{ resource }] = receiver.requests[0].points;
    expect(resource).toMatchObject({ a: 'flag', 'service.name': 'microsandbox' });
    expect(resource).not.toHaveProperty('zone');
    expect(run.stderr).toMatch(
      / WARN msb_metrics: OTEL_RESOURCE_ATTRIBUTES: entry 2 .*all of it is left out/u,
    );
  });
});
