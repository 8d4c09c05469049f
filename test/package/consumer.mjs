// What a program that installs the package does: imports it, looks at what that loaded, and uses it.
import assert from 'node:assert/strict';
import { Module } from 'node:module';
import * as library from 'msb-metrics';
import packageJson from 'msb-metrics/package.json' with { type: 'json' };
import { firstValueFrom, of } from 'rxjs';

const loaded = () => Object.keys(Module._cache).filter((path) => /koffi|grpc|opentelemetry/u.test(path));

assert.deepEqual(loaded(), [], 'importing must load neither koffi nor gRPC nor the SDK');
assert.equal(library.VERSION, packageJson.version);
const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout');
assert.deepEqual(timers, [], 'importing must start nothing');

const events = [];
of(1, 2, 3)
  .pipe(library.deliver(() => ({ export: () => [] })))
  .subscribe((event) => events.push(event.type));
assert.deepEqual(events, ['exported', 'drained']);
assert.deepEqual(loaded(), [], 'the streams must load neither koffi nor gRPC');

const collection = await firstValueFrom(
  library.collections({ msbHome: '/nonexistent/msb-metrics-consumer' }),
);
assert.equal(collection.size, 0);
assert.deepEqual(
  collection.registries.map(({ state }) => state),
  ['absent', 'absent', 'absent'],
);
assert.ok(loaded().some((path) => path.includes('koffi')));

await assert.rejects(async () => {
  const collector = library.startCollector({
    msbHome: '/nonexistent/msb-metrics-consumer',
    sinks: {
      otlp: (flush$) =>
        library.otlpSink({ endpoint: 'http://127.0.0.1:9', flush$, exportTimeoutMillis: 5_000 }),
    },
  });
  try {
    await collector.flush();
  } finally {
    await collector.shutdown().catch(() => {});
  }
}, /UNAVAILABLE/u);
assert.ok(loaded().some((path) => path.includes('grpc')));
console.log(`ok on Node.js ${process.version}`);
