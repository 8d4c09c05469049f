import * as fc from 'fast-check';
import {
  concat,
  EMPTY,
  finalize,
  ignoreElements,
  NEVER,
  type Observable,
  of,
  Subject,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import type { DeliveryTotals, ExportResult } from '../../src/streams/exporter.js';

/** How a scripted exporter answers one export. A delay of 0 answers before `export` has returned. */
export interface Response {
  readonly kind:
    | 'delivered'
    | 'remainder'
    | 'empty'
    | 'twice'
    | 'rejected'
    | 'split'
    | 'failed'
    | 'throws'
    | 'errors'
    | 'hangs';
  readonly delay: number;
  readonly retryAfter: number;
}

/** All that happens to a sink in one run, in virtual ms. */
export interface Schedule {
  readonly flushInterval: number;
  readonly maxBuffered: number;
  readonly exportTimeout: number;
  readonly batchSize: number;
  readonly exportsEmptyBatches: boolean;
  /** Times of the items, which are the numbers 1, 2, 3, ... */
  readonly items: readonly number[];
  readonly flushes: readonly number[];
  readonly responses: readonly Response[];
  readonly end: { readonly kind: 'completes' | 'fails' | 'unsubscribed'; readonly at: number };
}

/** What a sink did. */
export interface Trace {
  readonly exports: readonly {
    readonly at: number;
    readonly batch: readonly number[];
    readonly totals: DeliveryTotals;
    /** When it had answered or was unsubscribed from; `undefined` if it was left running. */
    readonly releasedAt: number | undefined;
  }[];
  readonly events: readonly { readonly at: number; readonly event: DeliveryEvent }[];
  readonly shutdowns: readonly { readonly at: number; readonly eventsBefore: number }[];
  /** When and how the stream ended by itself. */
  readonly ended: { readonly at: number; readonly error: unknown } | undefined;
  /** Exports that had been begun when the source ended: an instant alone does not tell what came first in it. */
  readonly exportsBeforeEnd: number;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** An item that is the rest of another is that one plus a fraction. */
export const restOf = (item: number): number => item + 0.125;

/** The item that one, or a rest of it, stands for. */
export const wholeOf = (item: number): number => Math.floor(item);

const DURATION = 4_000;

const response: fc.Arbitrary<Response> = fc.record({
  kind: fc.constantFrom(
    'delivered',
    'delivered',
    'delivered',
    'remainder',
    'empty',
    'twice',
    'rejected',
    'split',
    'failed',
    'failed',
    'throws',
    'errors',
    'hangs',
  ),
  delay: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
  retryAfter: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000 })),
});

/** Failures until long after the wait has stopped growing. */
const outage: fc.Arbitrary<Response[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('failed', 'throws', 'errors', 'hangs'),
    delay: fc.integer({ min: 0, max: 20 }),
    retryAfter: fc.constant(0),
  }),
  { minLength: 5, maxLength: 15, size: 'max' },
);

const times = (maxLength: number): fc.Arbitrary<number[]> =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: DURATION }), { maxLength, size: 'max' })
    .map((unsorted) => unsorted.sort((a, b) => a - b));

/** Random schedules. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  flushInterval: fc.oneof(fc.integer({ min: 5, max: 40 }), fc.integer({ min: 40, max: 500 })),
  maxBuffered: fc.integer({ min: 1, max: 6 }),
  exportTimeout: fc.integer({ min: 10, max: 300 }),
  batchSize: fc.integer({ min: 1, max: 8 }),
  exportsEmptyBatches: fc.boolean(),
  items: times(25),
  flushes: times(5),
  responses: fc.oneof(
    { weight: 3, arbitrary: fc.array(response, { maxLength: 25, size: 'max' }) },
    { weight: 1, arbitrary: outage },
  ),
  end: fc.record({
    kind: fc.constantFrom('completes', 'completes', 'fails', 'unsubscribed'),
    at: fc.integer({ min: 1, max: DURATION + 500 }),
  }),
});

const GRID = 50;

const toGrid = (time: number): number => Math.ceil(time / GRID) * GRID;

const oncePerInstant = (times: readonly number[]): number[] => [...new Set(times.map(toGrid))];

/** Random schedules in which much happens at the same instant: every time is a multiple of 50 ms. */
export const coincidingSchedules: fc.Arbitrary<Schedule> = schedules.map((schedule) => ({
  ...schedule,
  flushInterval: toGrid(schedule.flushInterval),
  exportTimeout: toGrid(schedule.exportTimeout),
  items: oncePerInstant(schedule.items),
  flushes: oncePerInstant(schedule.flushes),
  responses: schedule.responses.map((response) => ({
    ...response,
    delay: toGrid(response.delay),
    retryAfter: toGrid(response.retryAfter),
  })),
  end: { ...schedule.end, at: toGrid(schedule.end.at) },
}));

const respond = (
  batch: readonly number[],
  { kind, delay, retryAfter }: Response,
  scheduler: VirtualTimeScheduler,
) => {
  const after = <T>(answer: Observable<T>): Observable<T> =>
    delay === 0
      ? answer
      : concat(timer(delay, scheduler).pipe(ignoreElements()) as Observable<never>, answer);
  const error = new Error(kind);
  switch (kind) {
    case 'delivered':
      return after(of({ status: 'delivered' }));
    case 'remainder': {
      const last = batch.at(-1);
      return after(of({ status: 'delivered', ...(last === undefined ? {} : { remainder: restOf(last) }) }));
    }
    case 'empty':
      return after(EMPTY);
    case 'twice':
      return after(of({ status: 'delivered' }, { status: 'failed', error }));
    case 'rejected':
    case 'split':
      return after(of({ status: kind, error }));
    case 'failed':
      return after(of({ status: 'failed', error, retryAfterMillis: retryAfter }));
    case 'throws':
      throw error;
    case 'errors':
      return after(throwError(() => error));
    case 'hangs':
      return NEVER;
  }
};

/** Runs a sink through a schedule in virtual time. */
export function runSchedule(schedule: Schedule): Trace {
  const scheduler = new VirtualTimeScheduler();
  const trace = {
    exports: [] as Writable<Trace['exports'][number]>[],
    events: [] as { at: number; event: DeliveryEvent }[],
    shutdowns: [] as Trace['shutdowns'][number][],
    ended: undefined as Trace['ended'],
    exportsBeforeEnd: 0,
  };
  const items$ = new Subject<number>();
  const flush$ = new Subject<void>();
  const sink = deliver<number>(
    () => ({
      exportsEmptyBatches: schedule.exportsEmptyBatches,
      batchSize: (held) => Math.min(schedule.batchSize, held.length),
      export: (batch, totals) => {
        const begun: (typeof trace.exports)[number] = {
          at: scheduler.now(),
          batch,
          totals,
          releasedAt: undefined,
        };
        const release = (): void => {
          begun.releasedAt = scheduler.now();
        };
        trace.exports.push(begun);
        const scripted = schedule.responses[trace.exports.length - 1];
        if (scripted?.kind === 'throws') {
          release();
        }
        const answer = scripted === undefined ? EMPTY : respond(batch, scripted, scheduler);
        return (answer as Observable<ExportResult<number>>).pipe(finalize(release));
      },
      shutdown: () => {
        trace.shutdowns.push({ at: scheduler.now(), eventsBefore: trace.events.length });
        return EMPTY;
      },
    }),
    {
      flushIntervalMillis: schedule.flushInterval,
      maxBuffered: schedule.maxBuffered,
      exportTimeoutMillis: schedule.exportTimeout,
      flush$,
      scheduler,
    },
  );
  const subscription = items$.pipe(sink).subscribe({
    next: (event) => trace.events.push({ at: scheduler.now(), event }),
    error: (error) => {
      trace.ended = { at: scheduler.now(), error };
    },
    complete: () => {
      trace.ended = { at: scheduler.now(), error: undefined };
    },
  });
  schedule.items.forEach((at, index) => {
    timer(at, scheduler).subscribe(() => items$.next(index + 1));
  });
  for (const at of schedule.flushes) {
    timer(at, scheduler).subscribe(() => flush$.next());
  }
  timer(schedule.end.at, scheduler).subscribe(() => {
    trace.exportsBeforeEnd = trace.exports.length;
    switch (schedule.end.kind) {
      case 'completes':
        items$.complete();
        break;
      case 'fails':
        items$.error(new Error('source'));
        break;
      case 'unsubscribed':
        subscription.unsubscribe();
        break;
    }
  });
  scheduler.maxFrames = Number.POSITIVE_INFINITY;
  scheduler.flush();
  return trace;
}
