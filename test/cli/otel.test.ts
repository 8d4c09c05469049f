import { describe, expect, it, onTestFinished } from 'vitest';
import type { Point } from '../receiver/decode.js';
import { type Receiver, startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const fast = ['--collect-interval=50ms', '--flush-interval=200ms'];

const sandboxPoints = (receiver: Receiver): Point[] =>
  receiver.accepted.flatMap(({ points }) => points).filter(({ attributes }) => 'sandbox.name' in attributes);

async function open<T extends Receiver>(receiver: Promise<T>): Promise<T> {
  const opened = await receiver;
  onTestFinished(() => opened.close());
  return opened;
}

describe.each(['grpc', 'http'] as const)('msb-metrics otel over %s', (protocol) => {
  const start = async () => {
    if (protocol === 'grpc') {
      const receiver = await open(startGrpcReceiver());
      return { receiver, flags: [`--endpoint=http://127.0.0.1:${receiver.port}`] };
    }
    const receiver = await open(startHttpReceiver());
    return { receiver, flags: [`--endpoint=${receiver.url}`, '--protocol=http'] };
  };

  it('sends the headers, the resource and the attributes it was told to', async () => {
    const msbHome = testHome();
    const { receiver, flags } = await start();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const run = new Cli(
      [
        'otel',
        ...flags,
        `--msb-home=${msbHome}`,
        ...fast,
        '--header',
        'X-Token=a=b',
        '--header=api-key=flag',
        '--resource',
        'env=prod=1',
        '--resource=team=x',
        '--emit-run-id',
        '--emit-pid',
      ],
      {
        env: {
          OTEL_EXPORTER_OTLP_HEADERS: 'api-key=environment,x-tenant=a%20b',
          OTEL_RESOURCE_ATTRIBUTES: 'team=environment,zone=eu%2C1,service.name=ignored',
          OTEL_SERVICE_NAME: 'named',
        },
      },
    );
    const [point] = await eventually(() =>
      sandboxPoints(receiver).length > 0 ? sandboxPoints(receiver) : undefined,
    );
    await run.stop();
    expect(receiver.requests[0].headers).toMatchObject({
      'x-token': 'a=b',
      'api-key': 'flag',
      'x-tenant': 'a b',
    });
    expect(point.resource).toEqual({
      'service.name': 'named',
      'service.instance.id': 'test-host',
      env: 'prod=1',
      team: 'x',
      zone: 'eu,1',
    });
    expect(point.attributes).toEqual({
      'sandbox.name': 'devbox',
      'sandbox.id': 33,
      'sandbox.run_id': 7,
      'sandbox.pid': process.pid,
    });
    expect(`${run.stderr}${run.stdout}`).not.toMatch(/a=b|=flag|environment/u);
  });

  it('drains at a signal: what was collected since the last flush arrives', async () => {
    const msbHome = testHome();
    const { receiver, flags } = await start();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const run = new Cli([
      'otel',
      ...flags,
      `--msb-home=${msbHome}`,
      '--collect-interval=20ms',
      '--log-level=debug',
    ]);
    await eventually(() => run.stderr.includes('sandboxes=1'));
    expect(await run.stop('SIGINT')).toBe(0);
    expect(sandboxPoints(receiver).length).toBeGreaterThan(0);
  });

  it('exits with 1 if the last export failed, saying how many collections were lost', async () => {
    const { receiver, flags } = await start();
    await receiver.close();
    const run = new Cli([
      'otel',
      ...flags,
      `--msb-home=${testHome()}`,
      '--collect-interval=20ms',
      '--log-level=debug',
    ]);
    await eventually(() => run.stderr.includes('collected'));
    expect(await run.stop()).toBe(1);
    expect(run.stderr).toMatch(
      /ERROR msb_metrics: stopped, the last export failed error=.*ECONNREFUSED.* collections_dropped=0 collections_lost=[1-9]/u,
    );
    const reasons = run.stderr.split('\n').filter((line) => line.includes('ECONNREFUSED'));
    expect(reasons.filter((line) => !line.includes(' DEBUG '))).toHaveLength(1);
  });

  it('ships its own counters from the first flush on, also with no sandbox', async () => {
    const { receiver, flags } = await start();
    const run = new Cli([
      'otel',
      ...flags,
      `--msb-home=${testHome()}`,
      '--collect-interval=10s',
      '--flush-interval=50ms',
    ]);
    await eventually(() => receiver.accepted.length >= 3);
    await run.stop();
    const own = (index: number) =>
      Object.fromEntries(receiver.accepted[index].points.map(({ metric, value }) => [metric, value]));
    expect(own(0)).toEqual({
      'microsandbox.collector.exports.success': 0,
      'microsandbox.collector.exports.failure': 0,
      'microsandbox.collector.collections.dropped': 0,
      'microsandbox.collector.collections.rejected': 0,
      'microsandbox.collector.points.rejected': 0,
    });
    expect(own(2)).toMatchObject({ 'microsandbox.collector.exports.success': 2 });
    const lastSuccess = Math.round(own(2)['microsandbox.collector.last_success_timestamp'] * 1_000);
    expect(lastSuccess).toBeGreaterThanOrEqual(receiver.accepted[1].receivedAtMillis);
    expect(lastSuccess).toBeLessThanOrEqual(receiver.accepted[2].receivedAtMillis);
  });
});

describe('msb-metrics', () => {
  it('exits at once at a second signal', async () => {
    const receiver = await open(startGrpcReceiver({ reply: () => ({ kind: 'hang' }) }));
    const run = new Cli([
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      `--msb-home=${testHome()}`,
      '--flush-interval=50ms',
    ]);
    await eventually(() => receiver.requests.length === 1);
    run.child.kill('SIGTERM');
    await eventually(() => run.stderr.includes('draining'));
    expect(await run.stop('SIGTERM')).toBe(143);
  });

  it('logs an outage once when it begins and once when it ends, and recovers by itself', async () => {
    const msbHome = testHome();
    const first = await open(startHttpReceiver());
    await first.close();
    const run = new Cli([
      'otel',
      `--endpoint=${first.url}`,
      '--protocol=http',
      `--msb-home=${msbHome}`,
      '--flush-interval=50ms',
      '--collect-interval=50ms',
    ]);
    await eventually(() => run.stderr.includes('metrics export failed'));
    const second = await open(startHttpReceiver({ port: first.port }));
    await eventually(() => second.accepted.length > 2);
    expect(await run.stop()).toBe(0);
    expect(run.stderr.match(/metrics export failed/gu)).toHaveLength(1);
    expect(run.stderr.match(/INFO msb_metrics::otlp: metrics exporter recovered/gu)).toHaveLength(1);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'names the owner and the remedy where it may not open the registry',
    async () => {
      const msbHome = testHome();
      const registry = testRegistry({ msbHome });
      const run = new Cli(['stdout', `--msb-home=${msbHome}`, '--collect-interval=50ms'], { uid: 65_534 });
      await eventually(() => run.stdout.split('\n').length > 3);
      expect(await run.stop()).toBe(0);
      const message = `permission denied (EACCES) opening the registry ${registry.name}: it is owned by root (uid 0); run msb-metrics as that user (sudo -u root msb-metrics ...)`;
      expect(run.stderr.split(message)).toHaveLength(2);
    },
  );
});
