import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type DeliveryEvent, type OtlpSinkOptions, sdkOtlpSink } from '../../../src/index.js';
import { ok, startGrpcReceiver, startHttpReceiver, status } from '../../receiver/receiver.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { eventually } from '../../support/eventually.js';

const RUNS = sandboxRuns(1);
let ticks = 0;
const tick = () => collectionOf(RUNS, 1_790_000_000_000 + ++ticks * 1_000);

function driven(options: OtlpSinkOptions) {
  const items$ = new Subject<ReturnType<typeof collectionOf>>();
  const flush$ = new Subject<void>();
  const events: DeliveryEvent[] = [];
  const subscription = items$
    .pipe(sdkOtlpSink({ flushIntervalMillis: 60_000, ...options, flush$ }))
    .subscribe((event) => events.push(event));
  onTestFinished(() => subscription.unsubscribe());
  return {
    items$,
    async flush(): Promise<DeliveryEvent> {
      const before = events.length;
      items$.next(tick());
      flush$.next();
      return eventually(() => events.slice(before).find(({ type }) => ['flushed', 'failed'].includes(type)));
    },
    drained: () => eventually(() => events.find(({ type }) => type === 'drained')),
  };
}

describe("a sink by OpenTelemetry's own exporters", () => {
  it("sends its own headers, not those that the variables have for the application's", async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-vendor-key=of-another-vendor');
    vi.stubEnv('OTEL_EXPORTER_OTLP_METRICS_HEADERS', 'authorization=Bearer%20another');
    onTestFinished(() => void vi.unstubAllEnvs());
    const http = await startHttpReceiver();
    const grpc = await startGrpcReceiver();
    onTestFinished(() => http.close());
    onTestFinished(() => grpc.close());
    const headers = { mine: 'a' };
    await driven({ endpoint: http.url, protocol: 'http', headers }).flush();
    await driven({ endpoint: `http://127.0.0.1:${grpc.port}`, headers }).flush();
    for (const { requests } of [http, grpc]) {
      expect(requests[0].headers).toMatchObject(headers);
      expect(Object.keys(requests[0].headers)).not.toContain('x-vendor-key');
      expect(Object.keys(requests[0].headers)).not.toContain('authorization');
    }
    expect(process.env.OTEL_EXPORTER_OTLP_HEADERS).toBe('x-vendor-key=of-another-vendor');
  });

  it('leaves no connection over HTTP, neither when headers are renewed nor in the end', async () => {
    const open = new Set<unknown>();
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end());
    });
    server.keepAliveTimeout = 600_000;
    server.on('connection', (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    let token = 0;
    const endpoint = `http://127.0.0.1:${port}/v1/metrics`;
    const sink = driven({ endpoint, protocol: 'http', headers: () => ({ token: String(token) }) });
    for (; token < 5; token++) {
      expect(await sink.flush()).toEqual({ type: 'flushed' });
    }
    await eventually(() => open.size === 1);
    sink.items$.complete();
    await sink.drained();
    await eventually(() => open.size === 0);
  });

  it('ends an export over HTTP before it is given up, so that nothing of it arrives later', async () => {
    const receiver = await startHttpReceiver({
      reply: (_, index) => (index === 0 ? status(503, '', { 'retry-after': '1' }) : ok()),
    });
    onTestFinished(() => receiver.close());
    const sink = driven({ endpoint: receiver.url, protocol: 'http', exportTimeoutMillis: 1_900 });
    // The exporter's own second attempt could take until 2.7 s.
    expect(await sink.flush()).toMatchObject({ type: 'failed', held: 1 });
    expect(receiver.requests).toHaveLength(1);
  });

  it.each([
    ['http://127.0.0.9:80', '127.0.0.9:80'],
    ['http://127.0.0.9', '127.0.0.9:80'],
    ['https://127.0.0.9', '127.0.0.9:443'],
  ])('connects to the port of %s over gRPC', async (endpoint, address) => {
    const failed = await driven({ endpoint, exportTimeoutMillis: 5_000 }).flush();
    expect(failed).toMatchObject({ type: 'failed', error: { message: expect.stringContaining(address) } });
  });
});
