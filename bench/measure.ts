/**
 * One measurement in a process of its own, of the build in a given folder. Prints JSON.
 *
 *     measure.ts <what> <folder of the build> [argument]
 */
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { from, lastValueFrom } from 'rxjs';
import type { Collection } from '../src/index.js';
import { INITIAL_TOTALS } from '../src/streams/exporter.js';
import { SimulatedRegistry } from '../test/simulator/registry.js';
import { SimulatedSandbox } from '../test/simulator/sandbox.js';
import { temporaryHome } from '../test/support/temporary-home.js';
import { median } from './median.js';
import { helper } from './processes.js';

const [what, root, argument = ''] = process.argv.slice(2);
const load = <T>(file: string): Promise<T> =>
  import(pathToFileURL(join(resolve(root), 'dist', file)).href) as Promise<T>;

type Library = typeof import('../src/index.js');
type Shm = typeof import('../src/shm/read-collection.js');
type Request = typeof import('../src/sinks/otlp/encoding/request.js');

const msbHome = temporaryHome();

/** A registry of sandboxes of this process, each with a sample. */
function sandboxes(count: number, nameBytes = 12) {
  const registry = SimulatedRegistry.create({ msbHome, abi: 3, capacity: Math.max(1_024, count) });
  const slots = Array.from({ length: count }, (_, index) => ({
    slot: registry.startAt(index, {
      name: `sandbox-${String(index).padStart(4, '0')}`.padEnd(nameBytes, 'x').slice(0, nameBytes),
      sandboxId: index + 1,
      runId: index + 1,
      pid: process.pid,
      startedAtMillis: Date.now() - 60_000,
    }),
    simulated: new SimulatedSandbox(index),
  }));
  let now = Date.now() - 30_000;
  const sample = (): number => {
    now += 1_000;
    for (const { slot, simulated } of slots) {
      registry.sample(slot, simulated.next(now));
    }
    return now;
  };
  sample();
  return { sample, destroy: () => registry.destroy() };
}

const OPTIONS = { maxSampleAgeMillis: 0 };

const MEASUREMENTS: Record<string, () => Promise<Record<string, number>>> = {
  /**
   * Nanoseconds that an active row takes: to be read under its seqlock and copied into the columns, and in all, with the
   * system calls of a reading and the kill(2) that asks for each process.
   */
  reading: async () => {
    const count = Number(argument);
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { SlotReader } = await load<typeof import('../src/shm/slots.js')>('shm/slots.js');
    const { openSharedMemory } = await load<typeof import('../src/shm/posix.js')>('shm/posix.js');
    const { openRegion } = await load<typeof import('../src/shm/region.js')>('shm/region.js');
    const { ABI_LAYOUTS, regionBytes } = await load<typeof import('../src/shm/layout.js')>('shm/layout.js');
    const { registryName } = await load<Library>('index.js');
    const { destroy } = sandboxes(count);
    const capacity = Math.max(1_024, count);
    const fd = openSharedMemory(registryName(msbHome, 3)) ?? -1;
    const region = openRegion(fd, regionBytes(capacity), 'read');
    const slots = new SlotReader(ABI_LAYOUTS[2], new Map());
    const rows = new Float64Array(count * 14);
    const registries = new Registries(msbHome);
    const filter = {
      nowMillis: Date.now(),
      oldestSampleMillis: 0,
      newestSampleMillis: Number.POSITIVE_INFINITY,
      processExists: () => true,
    };
    let at = 0;
    const sink = {
      add: (_: unknown, values: Float64Array) => {
        rows.set(values, at);
        at += 14;
        return true;
      },
    };
    const timed = (read: () => void): number => {
      const figures: number[] = [];
      const rounds = Math.max(50, Math.ceil(400_000 / count));
      for (let round = 0; round < rounds * 2; round++) {
        at = 0;
        const start = process.hrtime.bigint();
        read();
        if (round >= rounds) {
          figures.push(Number(process.hrtime.bigint() - start) / count);
        }
      }
      return median(figures);
    };
    const rowNs = timed(() => slots.read(region, capacity, filter, sink));
    if (at !== rows.length) {
      throw new Error(`read ${at / 14} of ${count}`);
    }
    const allNs = timed(() => registries.read(Date.now(), OPTIONS));
    registries.close();
    destroy();
    return { nsARow: rowNs, nsARowWithSystemCalls: allNs };
  },

  /** Bytes of heap and array buffers that a row takes while it is held. */
  buffered: async () => {
    const count = Number(argument);
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { sample, destroy } = sandboxes(count);
    const registries = new Registries(msbHome);
    const memory = async (): Promise<number> => {
      for (let round = 0; round < 4; round++) {
        globalThis.gc?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const held: unknown[] = [registries.read(sample(), OPTIONS)];
    const before = await memory();
    for (let tick = 0; tick < 60; tick++) {
      held.push(registries.read(sample(), OPTIONS));
    }
    const bytes = (await memory()) - before;
    registries.close();
    destroy();
    return { bytesARow: bytes / 60 / count, held: held.length };
  },

  /** Bytes of a data point on the wire, as it is and compressed. */
  wire: async () => {
    const nameBytes = Number(argument);
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { RequestEncoder } = await load<Request>('sinks/otlp/encoding/request.js');
    const { sample, destroy } = sandboxes(1_000, nameBytes);
    const registries = new Registries(msbHome);
    const batch = Array.from({ length: 5 }, () => registries.read(sample(), OPTIONS));
    const encoder = new RequestEncoder({
      resource: { 'service.name': 'microsandbox' },
      scopeVersion: '1',
      startedAtMillis: 0,
    });
    const points = batch.reduce((sum, collection) => sum + encoder.pointCount(collection), 0);
    const request = encoder.encode(batch, { totals: INITIAL_TOTALS, nowMillis: Date.now() });
    registries.close();
    destroy();
    return {
      bytesAPoint: request.length / points,
      gzipBytesAPoint: gzipSync(request).length / points,
    };
  },

  /**
   * The four ways to a backend, of 1,000 sandboxes: nanoseconds a point of our own encoder, of the SDK's words and serialiser,
   * of a MetricProducer's collection, and milliseconds of a page for Prometheus.
   */
  ways: async () => {
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { RequestEncoder } = await load<Request>('sinks/otlp/encoding/request.js');
    const words = await load<typeof import('../src/sinks/sdk/resource-metrics.js')>(
      'sinks/sdk/resource-metrics.js',
    );
    const { pageWriter } =
      await load<typeof import('../src/sinks/prometheus/page.js')>('sinks/prometheus/page.js');
    const { ProtobufMetricsSerializer } = await import('@opentelemetry/otlp-transformer');
    const { sample, destroy } = sandboxes(1_000, 12);
    const registries = new Registries(msbHome);
    const read = () => registries.read(sample(), OPTIONS);
    const options = { resource: { 'service.name': 'microsandbox' }, startedAtMillis: 0 };
    const encoder = new RequestEncoder({ ...options, scopeVersion: '1' });
    const build = words.resourceMetricsBuilder(options);
    const attributesOf = words.attributesOfRuns({});
    const write = pageWriter({});
    const nanosOf = (run: (collection: ReturnType<typeof read>) => unknown): number => {
      const taken: number[] = [];
      for (let round = 0; round < 60; round++) {
        const collection = read();
        const start = process.hrtime.bigint();
        run(collection);
        taken.push(Number(process.hrtime.bigint() - start));
      }
      return median(taken.slice(10));
    };
    const points = encoder.pointCount(read());
    const figures = {
      nativeNsAPoint: nanosOf((each) => encoder.encode([each], undefined)) / points,
      sdkNsAPoint:
        nanosOf((each) =>
          ProtobufMetricsSerializer.serializeRequest(build({ collections: [each], own: undefined })),
        ) / points,
      producerNsAPoint: nanosOf((each) => words.sandboxMetrics([each], attributesOf)) / points,
      pageMillis: nanosOf(write) / 1e6,
      pageBytesAPoint: write(read()).length / points,
    };
    registries.close();
    destroy();
    return figures;
  },

  /**
   * Five labels on each of 1,000 sandboxes, or none without an argument: what a tick takes longer while nothing changes, and a
   * data point's time and bytes.
   */
  labels: async () => {
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { Catalog } = await load<typeof import('../src/catalog/catalog.js')>('catalog/catalog.js');
    const { RequestEncoder } = await load<Request>('sinks/otlp/encoding/request.js');
    const { EncodedRequests } = await load<typeof import('../src/sinks/otlp/encoding/encoded-requests.js')>(
      'sinks/otlp/encoding/encoded-requests.js',
    );
    const { OtlpExporter } = await load<typeof import('../src/sinks/otlp/otlp-exporter.js')>(
      'sinks/otlp/otlp-exporter.js',
    );
    const { of } = await import('rxjs');
    const { sample, destroy } = sandboxes(1_000);
    const runtime = await helper('catalog.ts', msbHome, '1000');
    const registries = new Registries(msbHome);
    const catalog = new Catalog(msbHome, undefined, {});
    const labelled = argument === '' ? (each: Collection) => each : (each: Collection) => catalog.label(each);
    const options = { resource: { 'service.name': 'microsandbox' }, scopeVersion: '1', startedAtMillis: 0 };
    const encoder = new RequestEncoder(options);
    const nanosOf = (run: () => unknown): number => {
      const start = process.hrtime.bigint();
      run();
      return Number(process.hrtime.bigint() - start);
    };
    const exporterTo = () =>
      new OtlpExporter<Buffer>(
        new EncodedRequests(new RequestEncoder(options)),
        { send: () => of({ kind: 'accepted' as const }), close: () => {} },
        Date.now,
      );
    /** A flush as the sink has it: planned, cut into requests and written. */
    const flush = (exporter: ReturnType<typeof exporterTo>, collections: readonly Collection[]): void => {
      for (let held = collections; held.length > 0; ) {
        const batch = held.slice(0, exporter.batchSize(held, INITIAL_TOTALS));
        held = held.slice(batch.length);
        exporter.export(batch, INITIAL_TOTALS).subscribe((result) => {
          const remainder = 'remainder' in result ? result.remainder : undefined;
          held = remainder === undefined ? held : [remainder, ...held];
        });
      }
    };
    const FLUSH = 10;
    const exporter = exporterTo();
    const exporterOfNone = exporterTo();
    const tick: number[] = [];
    const write: number[] = [];
    const writeNone: number[] = [];
    let last = labelled(registries.read(sample(), OPTIONS));
    const points = encoder.pointCount(last);
    for (let round = 0; round < 30; round++) {
      const collections: Collection[] = [];
      const labelledOnes: Collection[] = [];
      for (let each = 0; each < FLUSH; each++) {
        const collection = registries.read(sample(), OPTIONS);
        tick.push(
          nanosOf(() => {
            last = labelled(collection);
          }),
        );
        collections.push(collection);
        labelledOnes.push(last);
      }
      // In turn, so that the machine disturbs both alike, and each as often first: what comes first finds cold caches.
      const both = [
        () => writeNone.push(nanosOf(() => flush(exporterOfNone, collections))),
        () => write.push(nanosOf(() => flush(exporter, labelledOnes))),
      ];
      for (const take of round % 2 === 0 ? both : both.reverse()) {
        take();
      }
    }
    if (last.at(0).labels.size !== (argument === '' ? 0 : 5)) {
      throw new Error('the labels are not those of the catalog');
    }
    catalog.close();
    registries.close();
    destroy();
    await runtime.stop();
    return {
      tickMillis: median(tick.slice(50)) / 1e6,
      ratioAPoint: median(write.slice(5)) / median(writeNone.slice(5)),
      bytesAPoint: encoder.encode([last], undefined).length / points,
    };
  },

  /** Milliseconds of a spill of ten collections to disk, and of reading it again, a collection; bytes a sample. */
  spool: async () => {
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { openSpool } =
      await load<typeof import('../src/spool/spool-directory.js')>('spool/spool-directory.js');
    const count = Number(argument);
    const { sample, destroy } = sandboxes(count);
    const registries = new Registries(msbHome);
    const spool = openSpool({ directory: join(msbHome, 'spool') });
    const write: number[] = [];
    const read: number[] = [];
    let bytes = 0;
    for (let round = 0; round < 20; round++) {
      const batch = Array.from({ length: 10 }, () => registries.read(sample(), OPTIONS));
      const start = process.hrtime.bigint();
      const segment = await lastValueFrom(from(spool.write(round * 10 + 1, batch)));
      const written = process.hrtime.bigint();
      await lastValueFrom(from(spool.read(segment)));
      write.push(Number(written - start) / 1e7);
      read.push(Number(process.hrtime.bigint() - written) / 1e7);
      bytes = segment.bytes / 10 / count;
      await lastValueFrom(from(spool.remove([segment])), { defaultValue: undefined });
    }
    spool.close();
    registries.close();
    destroy();
    return { writeMillis: median(write), readMillis: median(read), bytesASample: bytes };
  },

  /**
   * Nanoseconds that the delivery core takes for an item: to hold it, to drop the oldest for it where the buffer is
   * full, to deliver it in a whole batch, and in an export of its own. The argument is the size of the buffer.
   */
  delivery: async () => {
    const maxBuffered = Number(argument);
    const { deliver } = await load<Library>('index.js');
    const { range, of, Subject } = await import('rxjs');
    const sinkOf = (batchSize?: () => number, flush$ = new Subject<void>()) => {
      const exporter = { export: () => of(undefined), ...(batchSize === undefined ? {} : { batchSize }) };
      // A build of before the factories takes the exporter itself, which this function is too.
      const createExporter = Object.assign(() => exporter, exporter);
      return deliver<number>(createExporter, { maxBuffered, flush$ });
    };
    const nsAnItem = (items: number, run: () => void): number => {
      const taken: number[] = [];
      for (let round = 0; round < 8; round++) {
        const start = process.hrtime.bigint();
        run();
        taken.push(Number(process.hrtime.bigint() - start) / items);
      }
      return median(taken.slice(2));
    };
    const flushes = (items: number, batchSize?: () => number): number =>
      nsAnItem(items, () => {
        const items$ = new Subject<number>();
        const flush$ = new Subject<void>();
        const subscription = items$.pipe(sinkOf(batchSize, flush$)).subscribe();
        for (let item = 1; item <= items; item++) {
          items$.next(item);
          if (item % maxBuffered === 0) {
            flush$.next();
          }
        }
        subscription.unsubscribe();
      });
    const many = maxBuffered * Math.ceil(20_000 / maxBuffered);
    return {
      addingToAFullBuffer: nsAnItem(100_000, () => range(1, 100_000).pipe(sinkOf()).subscribe()),
      inWholeBatches: flushes(many),
      inExportsOfOne: flushes(many, () => 1),
    };
  },

  /** The longest and the 99th percentile of the event loop's delay while a full buffer goes out, ms. */
  responsiveness: async () => {
    const [count, port] = argument.split(':').map(Number);
    const { Registries } = await load<Shm>('shm/read-collection.js');
    const { otlpSink } = await load<Library>('index.js');
    const { Subject } = await import('rxjs');
    const { sample, destroy } = sandboxes(count);
    const registries = new Registries(msbHome);
    const items$ = new Subject<never>();
    const flush$ = new Subject<void>();
    const figures: { p99Millis: number; maxMillis: number }[] = [];
    const sink = otlpSink({ endpoint: `http://127.0.0.1:${port}`, flush$, flushIntervalMillis: 60_000_000 });
    let flushed: () => void = () => {};
    const subscription = items$.pipe(sink as never).subscribe((event) => {
      if ((event as { type: string }).type === 'flushed') {
        flushed();
      }
    });
    for (let round = 0; round < (count > 1_000 ? 2 : 4); round++) {
      for (let tick = 0; tick < 60; tick++) {
        items$.next(registries.read(sample(), OPTIONS) as never);
      }
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      await new Promise<void>((resolve) => {
        flushed = resolve;
        flush$.next();
      });
      delay.disable();
      // The timer's own period is part of what is recorded.
      figures.push({ p99Millis: delay.percentile(99) / 1e6 - 1, maxMillis: delay.max / 1e6 - 1 });
    }
    subscription.unsubscribe();
    registries.close();
    destroy();
    const warm = figures.slice(1);
    return {
      p99Millis: median(warm.map((each) => each.p99Millis)),
      maxMillis: median(warm.map((each) => each.maxMillis)),
    };
  },
};

console.log(JSON.stringify(await MEASUREMENTS[what]()));
process.exit();
