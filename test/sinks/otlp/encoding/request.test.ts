import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, it } from 'vitest';
import { Collection } from '../../../../src/shm/collection.js';
import { ROW_WIDTH } from '../../../../src/shm/columns.js';
import { SANDBOX_METRICS } from '../../../../src/sinks/otlp/encoding/metrics.js';
import { RequestEncoder, SCOPE_NAME } from '../../../../src/sinks/otlp/encoding/request.js';
import type { DeliveryTotals } from '../../../../src/streams/exporter.js';
import { decodeRequest, type Point } from '../../../receiver/decode.js';
import { collectGarbage } from '../../../support/collect-garbage.js';
import { collectionOf, sandboxRun, sandboxRuns } from '../../../support/collections.js';
import { sdkMetrics } from '../../../support/sdk-metrics.js';

const startedAtMillis = 1_790_000_000_001;
const now = 1_790_000_100_002;

const totals: DeliveryTotals = {
  collected: 9,
  delivered: 1,
  dropped: 2,
  rejected: 3,
  rejectedPoints: 4,
  exportsSucceeded: 5,
  exportsFailed: 6,
  lastSuccessAtMillis: 1_790_000_090_500,
};

const own = { totals, nowMillis: now };

const encoder = (options = {}): RequestEncoder =>
  new RequestEncoder({
    resource: { 'service.name': 'microsandbox', 'service.instance.id': 'host-1' },
    scopeVersion: '1.2.3',
    startedAtMillis,
    ...options,
  });

const ofSandboxes = (points: readonly Point[]): Point[] =>
  points.filter(({ metric }) => !metric.startsWith('microsandbox.collector.'));

/** The same data as OpenTelemetry's own serialiser writes it. */
function oracle(batch: readonly Collection[]): Point[] {
  const resourceMetrics = sdkMetrics(
    batch,
    { 'service.name': 'microsandbox', 'service.instance.id': 'host-1' },
    { name: SCOPE_NAME, version: '1.2.3' },
  );
  return decodeRequest(ProtobufMetricsSerializer.serializeRequest(resourceMetrics) as Uint8Array);
}

describe('a request', () => {
  it('says of sandboxes what the OpenTelemetry SDK would say of the same data', () => {
    const runs = [
      ...sandboxRuns(50),
      sandboxRun({ name: 'ünï-код-🚀'.repeat(5), sandboxId: -1 }),
      sandboxRun({ name: '', sandboxId: 2 ** 31 - 1 }),
    ];
    const batch = [0, 1, 2].map((tick) =>
      collectionOf(runs, 1_790_000_000_999 + tick * 1000, (row, column) => {
        const known = (row + column + tick) % 7 !== 0;
        return known ? [0, 0.1, 4_294_967_296.5, 2 ** 53 - 1, 3, 65_535][(row + column) % 6] : Number.NaN;
      }),
    );
    const whole = batch.map(
      (collection) => new Collection(collection.collectedAtMillis, runs, integersWhereBytes(collection)),
    );
    expect(ofSandboxes(decodeRequest(encoder().encode(whole, own)))).toEqual(oracle(whole));
  });

  it('carries integers to the last bit, and the largest that OTLP has', () => {
    for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 62]) {
      const collection = collectionOf([sandboxRun()], now, () => value);
      const [point] = decodeRequest(encoder().encode([collection], own)).filter(
        ({ metric }) => metric === 'microsandbox.memory.limit',
      );
      expect([point.type, point.value]).toEqual(['int', value]);
    }
  });

  it.each([
    0, 1, 999, 1_790_000_000_123, 4_294_967_295, 4_294_967_296, 18_446_744_073_709,
  ])('carries the time of a sample to the nanosecond: %i ms', (millis) => {
    const points = decodeRequest(encoder().encode([collectionOf([sandboxRun()], millis)], own));
    expect(new Set(ofSandboxes(points).map(({ timeNanos }) => timeNanos))).toEqual(
      new Set([BigInt(millis) * 1_000_000n]),
    );
  });

  it('makes no point of what is unknown, and no metric of no points', () => {
    const collection = collectionOf([sandboxRun()], now, () => Number.NaN);
    const request = encoder().encode([collection], undefined);
    expect(decodeRequest(request).map(({ metric }) => metric)).toEqual(['microsandbox.uptime']);
    expect(SANDBOX_METRICS.map(({ name }) => name).filter((name) => request.includes(name))).toEqual([
      'microsandbox.uptime',
    ]);
  });

  it('has the run id and the pid on its points if asked', () => {
    const options = { emitRunId: true, emitPid: true };
    const [point] = decodeRequest(encoder(options).encode([collectionOf([sandboxRun()])], own));
    expect(point.attributes).toEqual({
      'sandbox.name': 'devbox',
      'sandbox.id': 33,
      'sandbox.run_id': 7,
      'sandbox.pid': 4242,
    });
  });

  it('has the resource and the scope', () => {
    const [point] = decodeRequest(encoder().encode([], own));
    expect(point.resource).toEqual({ 'service.name': 'microsandbox', 'service.instance.id': 'host-1' });
    expect(point.scope).toEqual({ name: 'microsandbox-metrics-collector', version: '1.2.3' });
  });

  it('has the counters of the sidecar as monotonic cumulative sums from its start on', () => {
    const points = decodeRequest(encoder().encode([], own));
    const [success, , , , , last] = points;
    expect(
      Object.fromEntries(
        points.map(({ metric, value }) => [metric.slice('microsandbox.collector.'.length), value]),
      ),
    ).toEqual({
      'exports.success': 5,
      'exports.failure': 6,
      'collections.dropped': 2,
      'collections.rejected': 3,
      'points.rejected': 4,
      last_success_timestamp: 1_790_000_090.5,
    });
    expect(success).toMatchObject({
      kind: 'sum',
      isMonotonic: true,
      temporality: 2,
      type: 'int',
      startNanos: BigInt(startedAtMillis) * 1_000_000n,
      timeNanos: BigInt(now) * 1_000_000n,
    });
    expect(last).toMatchObject({
      kind: 'gauge',
      type: 'double',
      unit: 's',
      description: 'Unix time of the last successful export.',
    });
  });

  it('has counters whose times grow by a millisecond at least, whatever the clock does', () => {
    const same = encoder();
    const times = [now, now, now - 3_600_000, now + 1, now + 5, startedAtMillis - 9].map((nowMillis) => {
      const [point] = decodeRequest(same.encode([], { totals, nowMillis }));
      return Number(point.timeNanos / 1_000_000n) - now;
    });
    expect(times).toEqual([0, 1, 2, 3, 5, 6]);
    const [early] = decodeRequest(encoder().encode([], { totals, nowMillis: startedAtMillis - 9 }));
    expect(early.timeNanos).toBe(early.startNanos);
  });

  it('has none where they are left out', () => {
    expect(decodeRequest(encoder().encode([], undefined))).toEqual([]);
    const points = decodeRequest(encoder().encode([collectionOf([sandboxRun()])], undefined));
    expect(points).toEqual(ofSandboxes(points));
    expect(points).toHaveLength(11);
  });

  it('has no time of a last success before there was one', () => {
    const points = decodeRequest(
      encoder().encode([], { totals: { ...totals, lastSuccessAtMillis: undefined }, nowMillis: now }),
    );
    expect(points).toHaveLength(5);
  });

  it('is the same written into a buffer of an earlier one, if that is large enough', () => {
    const large = collectionOf(sandboxRuns(50));
    const small = collectionOf(sandboxRuns(20, (index) => `other-${index}`));
    const room = encoder().encode([large], own);
    const fresh = encoder().encode([small], own);
    const reused = encoder().encode([small], own, room);
    expect(reused.buffer).toBe(room.buffer);
    expect(reused.equals(fresh)).toBe(true);
    expect(encoder().encode([large], own, fresh).buffer).not.toBe(fresh.buffer);
  });

  it('keeps a few hundred bytes of each sandbox, also of sandboxes that start one after another', async () => {
    const memory = async (): Promise<number> => {
      await collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const runs = sandboxRuns(1_000);
    const bytesASandbox: number[] = [];
    for (let round = 0; round < 3; round++) {
      const same = encoder();
      const before = await memory();
      for (let count = 1; count <= runs.length; count++) {
        same.encode([collectionOf(runs.slice(0, count))], own);
        // Between two starts others take bytes of Node's pool.
        Buffer.allocUnsafe(4_000);
        Buffer.allocUnsafe(4_000);
      }
      bytesASandbox.push(((await memory()) - before) / runs.length);
      expect(decodeRequest(same.encode([collectionOf(runs)], undefined))).toHaveLength(11_000);
    }
    // What is kept is kept in each round; what V8 compiles, and what runs beside the test, is not.
    expect(Math.min(...bytesASandbox)).toBeLessThan(1_024);
  });

  it('is no longer than was calculated beforehand, and hardly shorter', () => {
    for (const count of [0, 1, 10, 3000]) {
      const collection = collectionOf(sandboxRuns(count, (index) => 'x'.repeat(index % 128)));
      const calculated = encoder().envelopeBytes(totals) + encoder().pointsBytes(collection);
      const { length } = encoder().encode([collection], own);
      expect(length).toBeLessThanOrEqual(calculated);
      expect(length).toBeGreaterThan(calculated - 1000);
    }
  });
});

/** The rows of a collection with whole numbers in all columns that are bytes. */
function integersWhereBytes(collection: Collection): Float64Array {
  const columns = new Set(SANDBOX_METRICS.filter(({ type }) => type === 'int').map(({ column }) => column));
  return collection.rows.map((value, index) => (columns.has(index % ROW_WIDTH) ? Math.floor(value) : value));
}
