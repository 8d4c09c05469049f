import { setTimeout } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as HttpExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DeliveryEvent, metricExporterSink } from '../../../src/index.js';
import {
  type GrpcReply,
  ok,
  type Receiver,
  startGrpcReceiver,
  startHttpReceiver,
  status,
} from '../../receiver/receiver.js';
import { sandboxPoints } from '../../support/arrived.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { eventually } from '../../support/eventually.js';
import { rpcStatusAskingFor } from '../../support/rpc-status.js';

/** A sink that is driven by hand, on an exporter of the test's. */
function driven(createExporter: () => PushMetricExporter | Promise<PushMetricExporter>, options = {}) {
  const items$ = new Subject<ReturnType<typeof collectionOf>>();
  const flush$ = new Subject<void>();
  const events: DeliveryEvent[] = [];
  const subscription = items$
    .pipe(metricExporterSink(createExporter, { flushIntervalMillis: 60_000, ...options, flush$ }))
    .subscribe((event) => events.push(event));
  onTestFinished(() => subscription.unsubscribe());
  return {
    events,
    items$,
    async flush(): Promise<DeliveryEvent> {
      const before = events.length;
      flush$.next();
      return eventually(() =>
        events.slice(before).find(({ type }) => ['flushed', 'failed', 'drained'].includes(type)),
      );
    },
  };
}

const openGrpc = async (reply?: (index: number) => GrpcReply): Promise<Receiver> => {
  const receiver = await startGrpcReceiver(reply === undefined ? {} : { reply: (_, index) => reply(index) });
  onTestFinished(() => receiver.close());
  return receiver;
};

const grpcTo = ({ port }: Receiver) => driven(() => new GrpcExporter({ url: `http://127.0.0.1:${port}` }));

/** An exporter of which only the answer matters. */
const exporterThat = (answer: (done: (result: { code: number }) => void) => void): PushMetricExporter => ({
  export: (_, done) => answer(done),
  forceFlush: async () => {},
  shutdown: async () => {},
});

const coded = (code: number): Error => Object.assign(new Error('not stored'), { code });

let ticks = 0;
const tick = (sandboxes = 3) => {
  ticks++;
  return collectionOf(sandboxRuns(sandboxes), 1_790_000_000_000 + ticks * 1_000);
};

const sandboxesIn = ({ accepted }: Receiver): string[] =>
  [
    ...new Set(
      accepted.flatMap(({ points }) =>
        points.map(({ attributes }) => String(attributes['sandbox.name'] ?? '')),
      ),
    ),
  ]
    .filter((name) => name !== '')
    .sort();

describe('a sink for an exporter of the SDK', () => {
  it("sends the very points that our own encoder sends, the sidecar's too", async () => {
    const [native, official] = [await openGrpc(), await openGrpc()];
    const batch = [tick(), tick()];
    const ours = new DrivenSink({ endpoint: `http://127.0.0.1:${native.port}` });
    const sink = grpcTo(official);
    for (const collection of batch) {
      ours.collect(collection);
      sink.items$.next(collection);
    }
    expect(await ours.flush()).toEqual({ type: 'flushed' });
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    const [[expected], [actual]] = [native.accepted, official.accepted];
    expect(sandboxPoints(actual.points)).toEqual(sandboxPoints(expected.points));
    const own = ({ points }: typeof expected) =>
      points
        .filter(({ metric }) => metric.startsWith('microsandbox.collector.'))
        .map(({ timeNanos, startNanos, ...rest }) => rest);
    expect(own(actual)).toEqual(own(expected));
    expect(own(actual)).toHaveLength(5);
  });

  it('exports at most 8,000 points at a time, the oldest first, each once', async () => {
    const sizes: number[] = [];
    const seen = new Set<string>();
    const exporter = {
      export: (metrics: ResourceMetrics, done: (result: { code: number }) => void) => {
        const points = metrics.scopeMetrics.flatMap(({ metrics: all }) =>
          all
            .filter(({ descriptor }) => !descriptor.name.includes('collector'))
            .flatMap(({ descriptor, dataPoints }) =>
              dataPoints.map(
                ({ attributes, endTime }) => `${descriptor.name} ${attributes['sandbox.name']} ${endTime}`,
              ),
            ),
        );
        sizes.push(points.length);
        for (const point of points) {
          expect(seen.has(point)).toBe(false);
          seen.add(point);
        }
        done({ code: 0 });
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    } as unknown as PushMetricExporter;
    const sink = driven(() => exporter);
    sink.items$.next(tick(1_000));
    sink.items$.next(tick(1_000));
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8_000);
    expect(seen.size).toBe(2 * 1_000 * 11);
    expect(sizes.length).toBeLessThanOrEqual(5);
  });

  it('isolates data that is refused, by gRPC codes', async () => {
    const receiver = await startGrpcReceiver({
      reply: ({ points }) =>
        points.some(({ attributes }) => attributes['sandbox.name'] === 'sandbox-1')
          ? { kind: 'status', code: 3, details: 'bad name' }
          : { kind: 'ok' },
    });
    onTestFinished(() => receiver.close());
    const sink = grpcTo(receiver);
    sink.items$.next(tick());
    await sink.flush();
    expect(sandboxesIn(receiver)).toEqual(['sandbox-0', 'sandbox-2']);
    expect(sink.events.some(({ type }) => type === 'rejected')).toBe(true);
  });

  it('isolates data that is refused, by HTTP statuses', async () => {
    const receiver = await startHttpReceiver({
      reply: ({ points }) =>
        points.some(({ attributes }) => attributes['sandbox.name'] === 'sandbox-1')
          ? status(400, 'bad name')
          : ok(),
    });
    onTestFinished(() => receiver.close());
    const sink = driven(() => new HttpExporter({ url: receiver.url }));
    sink.items$.next(tick());
    await sink.flush();
    expect(sandboxesIn(receiver)).toEqual(['sandbox-0', 'sandbox-2']);
    expect(sink.events).toContainEqual(
      expect.objectContaining({
        type: 'rejected',
        error: expect.objectContaining({
          message: expect.stringContaining('HTTP 400 Bad Request: bad name'),
        }),
      }),
    );
  });

  it.each([
    [
      'gRPC',
      async () => {
        const receiver = await openGrpc((index) =>
          index === 0
            ? { kind: 'status', code: 8, details: 'received message larger than max (9 vs. 1)' }
            : { kind: 'ok' },
        );
        return { receiver, sink: grpcTo(receiver) };
      },
    ],
    [
      'HTTP',
      async () => {
        const receiver = await startHttpReceiver({ reply: (_, index) => (index === 0 ? status(413) : ok()) });
        onTestFinished(() => receiver.close());
        return { receiver, sink: driven(() => new HttpExporter({ url: receiver.url })) };
      },
    ],
  ])('splits what is too large over %s', async (_, start) => {
    const { receiver, sink } = await start();
    sink.items$.next(tick(100));
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(sink.events.map(({ type }) => type)).toContain('split');
    expect(receiver.accepted.length).toBeGreaterThan(1);
    expect(receiver.accepted.flatMap(({ points }) => sandboxPoints(points))).toHaveLength(100 * 11);
  });

  it('heeds RetryInfo, and says what a failure means', async () => {
    const receiver = await startGrpcReceiver({
      reply: () => ({ kind: 'status', code: 16, details: 'who?' }),
    });
    onTestFinished(() => receiver.close());
    const sink = grpcTo(receiver);
    sink.items$.next(tick());
    expect(await sink.flush()).toMatchObject({
      type: 'failed',
      held: 1,
      error: { message: 'gRPC UNAUTHENTICATED: who?', remedy: expect.stringContaining('does not know you') },
    });
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', rpcStatusAskingFor(90));
    const asking = await startGrpcReceiver({
      reply: () => ({ kind: 'status', code: 14, details: 'later', metadata }),
    });
    onTestFinished(() => asking.close());
    const patient = grpcTo(asking);
    patient.items$.next(tick());
    expect(await patient.flush()).toMatchObject({ type: 'failed', retryInMillis: 90_000 });
  });

  it('gives an exporter that does not answer up, and exports to a new one', async () => {
    const made: { isShutDown: boolean; exports: number }[] = [];
    const sink = driven(
      () => {
        const state = { isShutDown: false, exports: 0 };
        made.push(state);
        const answers = made.length > 1;
        return {
          export: (_: ResourceMetrics, done: (result: { code: number }) => void) => {
            state.exports++;
            if (answers) {
              done({ code: 0 });
            }
          },
          forceFlush: async () => {},
          shutdown: async () => {
            state.isShutDown = true;
          },
        } as unknown as PushMetricExporter;
      },
      { exportTimeoutMillis: 50 },
    );
    sink.items$.next(tick());
    expect(await sink.flush()).toMatchObject({ type: 'failed', held: 1 });
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    await eventually(() => made[0].isShutDown);
    expect(made.map(({ exports }) => exports)).toEqual([1, 1]);
    sink.items$.complete();
    await eventually(() => made[1].isShutDown);
    expect(sink.events.at(-1)).toMatchObject({ type: 'drained', lost: 0 });
  });

  it('asks a factory again that never answered', async () => {
    let calls = 0;
    const sink = driven(
      () => (++calls === 1 ? new Promise<never>(() => {}) : exporterThat((done) => done({ code: 0 }))),
      { exportTimeoutMillis: 50 },
    );
    sink.items$.next(tick());
    expect(await sink.flush()).toMatchObject({ type: 'failed', held: 1 });
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(calls).toBe(2);
  });

  it('flushes and shuts the exporter down before it has drained', async () => {
    const steps: string[] = [];
    const later = async (step: string) => {
      await setTimeout(20);
      steps.push(step);
    };
    const sink = driven(() => ({
      ...exporterThat((done) => done({ code: 0 })),
      forceFlush: () => later('flushed'),
      shutdown: () => later('shut down'),
    }));
    sink.items$.next(tick());
    sink.items$.complete();
    await eventually(() => sink.events.find(({ type }) => type === 'drained'));
    expect(steps).toEqual(['flushed', 'shut down']);
  });

  it.each([
    ['no result', undefined],
    ['a failure with a number of its own, as of HTTP', { code: 1, error: coded(200) }],
    ['a failure with a number of its own, as of gRPC', { code: 1, error: coded(3) }],
  ])('keeps the data of an exporter that answers with %s', async (_, result) => {
    const sink = driven(() =>
      exporterThat((done) => {
        globalThis.setTimeout(() => done(result as never), 1);
      }),
    );
    sink.items$.next(tick());
    const failed = await sink.flush();
    expect(failed).toMatchObject({ type: 'failed', held: 1 });
    expect((failed as { error: { remedy?: string } }).error.remedy).toBeUndefined();
  });

  it.each([
    [
      'that throws',
      () => {
        throw new Error('no exporter today');
      },
      'no exporter today',
    ],
    [
      'whose export throws',
      () =>
        ({
          export: () => {
            throw new Error('broken');
          },
          shutdown: async () => {},
        }) as unknown as PushMetricExporter,
      'broken',
    ],
    [
      'that fails without a reason',
      () =>
        ({
          export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 1 }),
          shutdown: async () => {},
        }) as unknown as PushMetricExporter,
      'the exporter failed without a reason',
    ],
  ])('keeps what it holds with a factory or an exporter %s', async (_, createExporter, message) => {
    const sink = driven(createExporter);
    sink.items$.next(tick());
    expect(await sink.flush()).toMatchObject({ type: 'failed', held: 1, error: { message } });
  });

  it('refuses what is no factory, when called', () => {
    expect(() => metricExporterSink({} as never)).toThrowError(
      new RangeError('createExporter: expected a function, got a value of the type object'),
    );
    expect(() => metricExporterSink(() => ({}) as never, { resource: { a: 1 } as never })).toThrowError(
      RangeError,
    );
    expect(() => metricExporterSink(() => ({}) as never, { maxBuffered: 0 })).toThrowError(RangeError);
  });
});
