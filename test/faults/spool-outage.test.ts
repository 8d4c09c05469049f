import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Observable, of, Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Collection } from '../../src/shm/collection.js';
import { ROW_WIDTH } from '../../src/shm/columns.js';
import { openSpool } from '../../src/spool/spool-directory.js';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import type { ExportResult } from '../../src/streams/exporter.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { sandboxRuns } from '../support/collections.js';
import { eventually } from '../support/eventually.js';

const { STRESS } = process.env;
/** `npm run stress` goes through a day of 1,000 sandboxes. */
const HOURS = STRESS === undefined ? 0.5 : 24;
const SANDBOXES = STRESS === undefined ? 100 : 1_000;
/** Seconds between two collections, and ms of this test for a flush interval of ten of them. */
const COLLECT_SECONDS = 10;
const FLUSH_MILLIS = 40;

const FIELDS = [
  'sampledAtMillis',
  'cpuPercent',
  'vcpuTimeNanos',
  'memoryUsedBytes',
  'memoryLimitBytes',
  'memoryAvailableBytes',
  'memoryHostResidentBytes',
  'diskReadBytes',
  'diskWrittenBytes',
  'networkReceivedBytes',
  'networkSentBytes',
  'upperUsedBytes',
  'upperFreeBytes',
  'upperHostAllocatedBytes',
];

describe('a spool through a long outage', () => {
  it(`of ${HOURS} hours with ${SANDBOXES} sandboxes: memory is flat, the size as reckoned, and all is delivered in order`, {
    timeout: 1_800_000,
  }, async () => {
    const directory = join(mkdtempSync(join(tmpdir(), 'msb-metrics-outage-')), 'spool');
    onTestFinished(() => rmSync(join(directory, '..'), { recursive: true, force: true }));
    const runs = sandboxRuns(SANDBOXES);
    const sandboxes = runs.map((_, index) => new SimulatedSandbox(index));
    const ticks = Math.round((HOURS * 3_600) / COLLECT_SECONDS);
    let now = 1_790_000_000_000;
    const collect = (): Collection => {
      now += COLLECT_SECONDS * 1_000;
      const rows = new Float64Array(SANDBOXES * ROW_WIDTH);
      sandboxes.forEach((sandbox, row) => {
        const sample = sandbox.next(now) as unknown as Record<string, number>;
        FIELDS.forEach((name, column) => {
          const value = sample[name] ?? Number.NaN;
          rows[row * ROW_WIDTH + column] = name === 'cpuPercent' ? Math.fround(value) : value;
        });
      });
      return new Collection(now, runs, rows);
    };
    const spool = openSpool({ directory });
    const source$ = new Subject<Collection>();
    const events: DeliveryEvent['type'][] = [];
    const delivered: number[] = [];
    let isWell = false;
    let most = 0;
    const subscription = source$
      .pipe(
        deliver<Collection>(
          () => ({
            export: (batch): Observable<ExportResult<Collection>> => {
              most = Math.max(most, batch.length);
              if (!isWell) {
                return of({ status: 'failed', error: new Error('away') });
              }
              delivered.push(...batch.map(({ collectedAtMillis }) => collectedAtMillis));
              return of({ status: 'delivered' });
            },
          }),
          { flushIntervalMillis: FLUSH_MILLIS, maxBuffered: 10_000, spool },
        ),
      )
      .subscribe(({ type }) => events.push(type));
    const heaps: number[] = [];
    for (let tick = 0; tick < ticks; tick++) {
      source$.next(collect());
      if (tick % 10 === 9) {
        // The next ten come when these are on disk: so long is a flush interval here.
        const written = spool.stats.items;
        await eventually(() => spool.stats.items > written || tick < 20);
        heaps.push(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers);
      }
      await setImmediate();
    }
    await eventually(() => spool.stats.items > ticks - 20);
    const bytesASample = spool.stats.bytes / spool.stats.items / SANDBOXES;
    const half = Math.floor(heaps.length / 2);
    const growth = Math.min(...heaps.slice(half)) - Math.min(...heaps.slice(5, half));
    isWell = true;
    const startedAt = performance.now();
    await eventually(() => delivered.length >= ticks - 20);
    const seconds = (performance.now() - startedAt) / 1_000;
    source$.complete();
    await eventually(() => events.at(-1) === 'drained');
    subscription.unsubscribe();
    console.log(
      `${ticks} collections, ${bytesASample.toFixed(1)} bytes a sample, heap ${(growth / 1e6).toFixed(1)} MB more in the second half, recovery ${((HOURS * 3_600) / seconds).toFixed(0)} times as fast as real time`,
    );
    expect(delivered).toEqual(
      Array.from({ length: ticks }, (_, tick) => 1_790_000_000_000 + (tick + 1) * COLLECT_SECONDS * 1_000),
    );
    expect(bytesASample).toBeLessThan(STRESS === undefined ? 60 : 42);
    expect(growth).toBeLessThan(40e6);
    expect(spool.stats.items).toBe(0);
  });
});
