import * as fc from 'fast-check';
import {
  concat,
  defer,
  ignoreElements,
  NEVER,
  Observable,
  of,
  Subject,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Segment, SpoolStore } from '../../src/spool/spool-store.js';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import type { ExportResult } from '../../src/streams/exporter.js';
import { runs } from '../support/runs.js';

/** All that happens to a sink with a spool: several lives, each ended by a kill, the last one by a stop. Virtual ms. */
interface Schedule {
  readonly flushInterval: number;
  readonly exportTimeout: number;
  readonly batchSize: number;
  /** How long a call of the disk takes. */
  readonly diskDelay: number;
  /** When the receiver does not take anything: fails at once, or does not answer. */
  readonly outages: readonly Span[];
  /** When the disk is full. */
  readonly full: readonly Span[];
  /** How many items a segment may have that finds room on it nevertheless. */
  readonly room: number;
  readonly maxBuffered: number;
  readonly kills: readonly number[];
  /** Every how many exports the receiver refuses one as too large, or its data for ever; 0: never. */
  readonly splitEvery: number;
  readonly rejectEvery: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly isSilent: boolean;
}

const END = 6_000;
const ITEM_EVERY = 10;

const span = (latest: number, shortest: number, longest: number): fc.Arbitrary<Span> =>
  fc
    .record({
      from: fc.integer({ min: 0, max: latest }),
      length: fc.integer({ min: shortest, max: longest }),
      isSilent: fc.boolean(),
    })
    .map(({ from, length, isSilent }) => ({ from, to: from + length, isSilent }));

const longSpans = (maxLength: number) => fc.array(span(5_000, 1, 2_500), { maxLength });

/** Many short ones, so that one begins while another goes on. */
const shortSpans = fc.array(span(5_500, 20, 300), { minLength: 5, maxLength: 20 });

const schedules = (
  more: Partial<Record<keyof Schedule, fc.Arbitrary<unknown>>> = {},
): fc.Arbitrary<Schedule> =>
  fc.record({
    flushInterval: fc.integer({ min: 20, max: 200 }),
    exportTimeout: fc.integer({ min: 20, max: 300 }),
    batchSize: fc.integer({ min: 1, max: 30 }),
    diskDelay: fc.integer({ min: 0, max: 15 }),
    outages: longSpans(3),
    full: fc.constant([]),
    room: fc.constant(0),
    maxBuffered: fc.constant(1_000),
    kills: fc
      .uniqueArray(fc.integer({ min: 50, max: END - 50 }), { maxLength: 4 })
      .map((all) => all.sort((a, b) => a - b)),
    splitEvery: fc.constantFrom(0, 0, 5),
    rejectEvery: fc.constantFrom(0, 0, 7),
    ...more,
  }) as fc.Arbitrary<Schedule>;

/** A disk: what was done before a kill stays, what was under way is not there. */
class Disk {
  readonly segments = new Map<number, { readonly segment: Segment; readonly items: readonly number[] }>();
  mostBytes = 0;
  /** Numbers of segments that were written out of their place. A sink takes what a store throws for a failure of the disk. */
  readonly misplaced: number[] = [];

  constructor(
    readonly schedule: Schedule,
    readonly scheduler: VirtualTimeScheduler,
    readonly maxBytes: number,
  ) {}

  store(): SpoolStore<number> {
    const after = <T>(act: () => Observable<T>): Observable<T> =>
      concat(
        timer(this.schedule.diskDelay, this.scheduler).pipe(ignoreElements()) as Observable<never>,
        defer(act),
      );
    return {
      segments: [...this.segments.values()].map(({ segment }) => segment).sort((a, b) => a.first - b.first),
      maxBytes: this.maxBytes,
      write: (first, items) =>
        after(() => {
          const isFull = this.schedule.full.some(
            ({ from, to }) => this.scheduler.now() >= from && this.scheduler.now() < to,
          );
          if (isFull && items.length > this.schedule.room) {
            return throwError(() => new Error('ENOSPC'));
          }
          const segment = {
            first,
            items: items.length,
            done: 0,
            bytes: items.length,
            writtenAtMillis: this.scheduler.now(),
          };
          const isInPlace = [...this.segments.values()].every(({ segment: other, items: [oldest] }) =>
            other.first > first
              ? first + items.length <= other.first && items[0] < oldest
              : other.first + other.items <= first && oldest < items[0],
          );
          if (!isInPlace) {
            this.misplaced.push(first);
          }
          this.segments.set(first, { segment, items });
          this.mostBytes = Math.max(
            this.mostBytes,
            [...this.segments.values()].reduce((sum, each) => sum + each.items.length, 0),
          );
          return of(segment);
        }),
      read: ({ first, done }) => after(() => of((this.segments.get(first)?.items ?? []).slice(done))),
      keep: (segment) =>
        after(() => {
          const kept = this.segments.get(segment.first);
          if (kept !== undefined) {
            this.segments.set(segment.first, { ...kept, segment });
          }
          return of(undefined);
        }),
      remove: (gone) =>
        after(() => {
          for (const { first } of gone) {
            this.segments.delete(first);
          }
          return of(undefined);
        }),
      close: () => {},
    };
  }
}

interface Life {
  readonly acknowledged: { readonly at: number; readonly item: number }[];
  readonly rejected: number[];
  readonly events: { readonly at: number; readonly event: DeliveryEvent }[];
  readonly beganWith: number;
  readonly from: number;
  to: number;
  collected: number;
}

function run(schedule: Schedule, maxBytes = Number.POSITIVE_INFINITY) {
  const scheduler = new VirtualTimeScheduler();
  scheduler.maxFrames = Number.POSITIVE_INFINITY;
  const disk = new Disk(schedule, scheduler, maxBytes);
  const lives: Life[] = [];
  let exports = 0;
  let most = 0;
  let inFlight = 0;
  let mostInFlight = 0;
  const begin = () => {
    const store = disk.store();
    const life: Life = {
      acknowledged: [],
      rejected: [],
      events: [],
      beganWith: store.segments.reduce((sum, { items, done }) => sum + items - done, 0),
      from: scheduler.now(),
      to: Number.POSITIVE_INFINITY,
      collected: 0,
    };
    lives.push(life);
    const items$ = new Subject<number>();
    const sink = deliver<number>(
      () => ({
        // Another one each time: what came back as one batch may go out as several.
        batchSize: (held) => Math.min(1 + ((7 * exports) % schedule.batchSize), held.length),
        export: (batch): Observable<ExportResult<number>> => {
          exports++;
          mostInFlight = Math.max(mostInFlight, ++inFlight);
          most = Math.max(most, batch.length);
          const now = scheduler.now();
          const outage = schedule.outages.find(({ from, to }) => now >= from && now < to);
          const error = new Error('away');
          const answer = (): Observable<ExportResult<number>> => {
            if (outage !== undefined) {
              return outage.isSilent ? NEVER : of({ status: 'failed', error });
            }
            if (schedule.splitEvery > 0 && exports % schedule.splitEvery === 0 && batch.length > 1) {
              return of({ status: 'split', error });
            }
            if (schedule.rejectEvery > 0 && exports % schedule.rejectEvery === 0) {
              life.rejected.push(...batch);
              return of({ status: 'rejected', error });
            }
            life.acknowledged.push(...batch.map((item) => ({ at: now, item })));
            return of({ status: 'delivered' });
          };
          return new Observable((subscriber) => {
            const subscription = concat(
              timer(3, scheduler).pipe(ignoreElements()) as Observable<never>,
              defer(answer),
            ).subscribe(subscriber);
            return () => {
              inFlight--;
              subscription.unsubscribe();
            };
          });
        },
      }),
      {
        flushIntervalMillis: schedule.flushInterval,
        exportTimeoutMillis: schedule.exportTimeout,
        maxBuffered: schedule.maxBuffered,
        scheduler,
        spool: store,
      },
    );
    const subscription = items$
      .pipe(sink)
      .subscribe((event) => life.events.push({ at: scheduler.now(), event }));
    return { life, items$, subscription };
  };
  let current = begin();
  const alive = () => scheduler.now();
  for (let at = ITEM_EVERY; at < END; at += ITEM_EVERY) {
    timer(at, scheduler).subscribe(() => {
      current.life.collected++;
      current.items$.next(at);
    });
  }
  for (const at of schedule.kills) {
    // Between two items.
    timer(at - (at % ITEM_EVERY) + 5, scheduler).subscribe(() => {
      current.life.to = alive();
      current.subscription.unsubscribe();
      current = begin();
    });
  }
  timer(END, scheduler).subscribe(() => current.items$.complete());
  scheduler.flush();
  expect(disk.misplaced).toEqual([]);
  expect(mostInFlight).toBeLessThanOrEqual(1);
  return { lives, disk, most };
}

const itemsOnDisk = (disk: Disk): number[] =>
  [...disk.segments.values()].flatMap(({ segment, items }) => items.slice(segment.done));

function expectEachOnceInOrder({ acknowledged }: Life): void {
  const items = acknowledged.map(({ item }) => item);
  expect(items).toEqual([...new Set(items)].sort((a, b) => a - b));
}

const all = (): number[] =>
  Array.from({ length: END / ITEM_EVERY - 1 }, (_, index) => (index + 1) * ITEM_EVERY);

describe('a sink with a spool', () => {
  it('loses nothing in outages and kills but what was on its way to disk, and delivers it in order', () => {
    fc.assert(
      fc.property(schedules(), (schedule) => {
        const { lives, disk } = run(schedule);
        const there = new Set([
          ...lives.flatMap(({ acknowledged, rejected }) => [
            ...acknowledged.map(({ item }) => item),
            ...rejected,
          ]),
          ...itemsOnDisk(disk),
        ]);
        // The interval in which it was collected, and an export without an answer.
        const grace =
          schedule.flushInterval +
          Math.max(schedule.flushInterval, schedule.exportTimeout) +
          3 * schedule.diskDelay +
          3 * ITEM_EVERY +
          10;
        const missing = all().filter((item) => !there.has(item));
        expect(missing.filter((item) => !lives.some(({ to }) => item <= to && item > to - grace))).toEqual(
          [],
        );
        for (const life of lives) {
          expectEachOnceInOrder(life);
        }
      }),
      runs(60),
    );
  });

  it('sends again only what was acknowledged so shortly before a kill that the disk did not know', () => {
    fc.assert(
      fc.property(schedules(), (schedule) => {
        const { lives } = run(schedule);
        const seen = new Map<number, number>();
        lives.forEach(({ acknowledged }, index) => {
          for (const { at, item } of acknowledged) {
            const before = seen.get(item);
            if (before !== undefined) {
              expect(
                lives
                  .slice(0, index)
                  .some(({ to }) => before <= to && before >= to - 4 * schedule.diskDelay - 10),
              ).toBe(true);
            }
            seen.set(item, at);
          }
        });
      }),
      runs(60),
    );
  });

  it('conserves: what came in was delivered, refused, dropped, is lost or on disk', () => {
    fc.assert(
      fc.property(
        schedules({
          full: longSpans(2),
          room: fc.constantFrom(0, 1, 4),
          maxBuffered: fc.constantFrom(3, 20, 60, 1_000),
          kills: fc.constant([]),
        }),
        (schedule) => {
          const { lives, disk } = run(schedule, 120);
          const [life] = lives;
          const { events, collected, beganWith, acknowledged, rejected } = life;
          const dropped = events.reduce(
            (sum, { event }) => sum + (event.type === 'dropped' ? event.items : 0),
            0,
          );
          const drained = events.at(-1)?.event;
          expect(drained?.type).toBe('drained');
          const { lost = 0, spooled = 0 } = drained as { lost?: number; spooled?: number };
          expect(beganWith + collected).toBe(
            acknowledged.length + rejected.length + dropped + lost + spooled,
          );
          expect(itemsOnDisk(disk).length).toBe(spooled);
          expectEachOnceInOrder(life);
          if (schedule.full.length === 0) {
            expect(lost).toBe(0);
          }
        },
      ),
      runs(60),
    );
  });

  it('writes each segment in its place, and delivers in order, where receiver and disk fail by turns', () => {
    fc.assert(
      fc.property(
        schedules({
          // Shorter than an export may take, so that what waits is written meanwhile.
          flushInterval: fc.integer({ min: 20, max: 40 }),
          exportTimeout: fc.integer({ min: 60, max: 300 }),
          outages: shortSpans,
          full: shortSpans,
          kills: fc.constant([]),
        }),
        (schedule) => {
          expectEachOnceInOrder(run(schedule).lives[0]);
        },
      ),
      runs(60),
    );
  });

  it('writes nothing while the receiver takes what it gets', () => {
    fc.assert(
      fc.property(
        schedules({
          exportTimeout: fc.constant(3_000),
          outages: fc.constant([]),
          splitEvery: fc.constant(0),
          rejectEvery: fc.constant(0),
        }),
        (schedule) => {
          const { disk } = run(schedule);
          expect(disk.mostBytes).toBe(0);
        },
      ),
      runs(20),
    );
  });

  it('keeps to its size: beyond it the oldest segments are dropped', () => {
    fc.assert(
      fc.property(
        schedules({
          outages: fc.constant([{ from: 0, to: 5_500, isSilent: false }]),
          kills: fc.constant([]),
        }),
        (schedule) => {
          const most = 100;
          const { disk } = run(schedule, most);
          const segment = Math.ceil((2 * schedule.flushInterval) / ITEM_EVERY) + 2;
          expect(disk.mostBytes).toBeLessThanOrEqual(most + 2 * segment);
        },
      ),
      runs(40),
    );
  });
});
