/**
 * The sidecar through many ticks at the greatest speed: real shared memory, real receivers on loopback over both
 * protocols, one flush in five failing in one way or another. Prints where heap, handles and sockets were along the
 * way, as JSON.
 *
 *     node --expose-gc --import tsx test/faults/soak.ts <ticks> [sandboxes]
 */
import { filter, firstValueFrom, Subject, tap } from 'rxjs';
import { type Collection, type DeliveryEvent, otlpSink } from '../../src/index.js';
import { Registries } from '../../src/shm/read-collection.js';
import {
  type GrpcReply,
  type HttpReply,
  ok,
  startGrpcReceiver,
  startHttpReceiver,
  status,
} from '../receiver/receiver.js';
import { SimulatedRegistry } from '../simulator/registry.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { temporaryHome } from '../support/temporary-home.js';

const ticks = Number(process.argv[2] ?? 100_000);
const SANDBOXES = Number(process.argv[3] ?? 20);
const TICKS_A_FLUSH = 10;
const TICKS_A_START = 10;
const SAMPLES = 25;
/** A request of 1 MB has about this many samples. */
const SAMPLES_A_REQUEST = 1_280;
const REQUESTS_A_TROUBLE = 5 * Math.ceil((SANDBOXES * TICKS_A_FLUSH) / SAMPLES_A_REQUEST);

const grpcTroubles: GrpcReply[] = [
  { kind: 'status', code: 14 },
  { kind: 'status', code: 3 },
  { kind: 'ok', rejectedDataPoints: 1 },
];
const httpTroubles: HttpReply[] = [
  status(503),
  (_, socket) => socket.resetAndDestroy(),
  status(429, '', { 'retry-after': '1' }),
];
let grpcRequests = 0;
let httpRequests = 0;
const nth = <T>(troubles: readonly T[], request: number, otherwise: T): T =>
  request % REQUESTS_A_TROUBLE === 0 ? troubles[(request / REQUESTS_A_TROUBLE) % troubles.length] : otherwise;
const grpc = await startGrpcReceiver({ reply: () => nth(grpcTroubles, ++grpcRequests, { kind: 'ok' }) });
const http = await startHttpReceiver({ reply: () => nth(httpTroubles, ++httpRequests, ok()) });

const msbHome = temporaryHome();
const registry = SimulatedRegistry.create({
  msbHome,
  abi: 3,
  capacity: Math.max(1_024, Math.ceil(SANDBOXES / 1_024) * 1_024),
});
const sandboxes = Array.from({ length: SANDBOXES }, (_, index) => ({
  slot: registry.start({
    name: `sandbox-${index}`,
    sandboxId: index,
    runId: index,
    pid: process.pid,
    startedAtMillis: 1,
  }),
  simulated: new SimulatedSandbox(index),
}));
const registries = new Registries(msbHome);
const items$ = new Subject<Collection>();
const flush$ = new Subject<void>();
const counts: Record<string, number> = {};

const sinks = [
  otlpSink({ endpoint: `http://127.0.0.1:${grpc.port}`, flush$, flushIntervalMillis: 60_000_000 }),
  otlpSink({ endpoint: http.url, protocol: 'http', flush$, flushIntervalMillis: 60_000_000 }),
].map((sink) => {
  const events$ = new Subject<DeliveryEvent>();
  items$
    .pipe(
      sink,
      tap(({ type }) => {
        counts[type] = (counts[type] ?? 0) + 1;
      }),
    )
    .subscribe(events$);
  return events$;
});

const measure = async () => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const resource of process.getActiveResourcesInfo()) {
    resources[resource] = (resources[resource] ?? 0) + 1;
  }
  return {
    heapKiB: Math.round((heapUsed + arrayBuffers) / 1024),
    rssMiB: Math.round(rss / 2 ** 20),
    resources,
  };
};

let isSampleDue = false;
const samples: (Awaited<ReturnType<typeof measure>> & { tick: number })[] = [];
for (let tick = 1; tick <= ticks; tick++) {
  const now = 1_790_000_000_000 + tick * 1_000;
  if (tick % TICKS_A_START === 0) {
    // Sandboxes come and go.
    const sandbox = sandboxes[(tick / TICKS_A_START) % SANDBOXES];
    registry.release(sandbox.slot);
    sandbox.slot = registry.start({
      name: `sandbox-${tick}`,
      sandboxId: tick,
      runId: tick,
      pid: process.pid,
      startedAtMillis: now,
    });
  }
  for (const { slot, simulated } of sandboxes) {
    registry.sample(slot, simulated.next(now));
  }
  items$.next(registries.read(now));
  isSampleDue ||= tick % Math.ceil(ticks / SAMPLES) === 0;
  if (tick % TICKS_A_FLUSH === 0) {
    const ends = sinks.map((events$) =>
      firstValueFrom(events$.pipe(filter(({ type }) => type === 'flushed' || type === 'failed'))),
    );
    flush$.next();
    const types = (await Promise.all(ends)).map(({ type }) => type);
    // What the receivers keep is theirs, and must not be taken for a leak.
    (grpc.requests as unknown[]).length = 0;
    (grpc.accepted as unknown[]).length = 0;
    (http.requests as unknown[]).length = 0;
    (http.accepted as unknown[]).length = 0;
    if (!isSampleDue || types.includes('failed')) {
      // What is held after a failure is no leak either.
      continue;
    }
    isSampleDue = false;
    samples.push({ tick, ...(await measure()) });
  }
}
items$.complete();
registries.close();
registry.destroy();

/** KiB a thousand ticks, by least squares over the second half: the first is warm-up. */
const half = samples.slice(Math.floor(samples.length / 2));
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const ticksMean = mean(half.map(({ tick }) => tick));
const heapMean = mean(half.map(({ heapKiB }) => heapKiB));
const slope =
  half.reduce((sum, { tick, heapKiB }) => sum + (tick - ticksMean) * (heapKiB - heapMean), 0) /
  half.reduce((sum, { tick }) => sum + (tick - ticksMean) ** 2, 0);
await grpc.close();
await http.close();
await new Promise((resolve) => setTimeout(resolve, 1_500));
console.log(
  JSON.stringify({
    ticks,
    counts,
    slopeKiBAThousandTicks: Number((slope * 1_000).toFixed(2)),
    first: samples[0],
    middle: samples[Math.floor(samples.length / 2)],
    last: samples.at(-1),
    after: (await measure()).resources,
  }),
);
