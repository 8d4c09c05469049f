import * as fc from 'fast-check';
import {
  concat,
  EMPTY,
  ignoreElements,
  NEVER,
  Observable,
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
  }[];
  readonly events: readonly { readonly at: number; readonly event: DeliveryEvent }[];
  readonly shutdowns: readonly number[];
  /** When and how the stream ended by itself. */
  readonly ended: { readonly at: number; readonly error: unknown } | undefined;
  /** Times at which an export was unsubscribed from before it had answered. */
  readonly cut: readonly number[];
}

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

const times = (maxLength: number): fc.Arbitrary<number[]> =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: DURATION }), { maxLength })
    .map((unsorted) => unsorted.sort((a, b) => a - b));

/** Random schedules. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  flushInterval: fc.integer({ min: 20, max: 500 }),
  maxBuffered: fc.integer({ min: 1, max: 6 }),
  exportTimeout: fc.integer({ min: 10, max: 300 }),
  batchSize: fc.integer({ min: 1, max: 8 }),
  exportsEmptyBatches: fc.boolean(),
  items: times(25),
  flushes: times(5),
  responses: fc.array(response, { maxLength: 25 }),
  end: fc.record({
    kind: fc.constantFrom('completes', 'completes', 'fails', 'unsubscribed'),
    at: fc.integer({ min: 1, max: DURATION + 500 }),
  }),
});

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
    exports: [] as { at: number; batch: readonly number[]; totals: DeliveryTotals }[],
    events: [] as { at: number; event: DeliveryEvent }[],
    shutdowns: [] as number[],
    ended: undefined as Trace['ended'],
    cut: [] as number[],
  };
  const items$ = new Subject<number>();
  const flush$ = new Subject<void>();
  const sink = deliver<number>(
    {
      exportsEmptyBatches: schedule.exportsEmptyBatches,
      batchSize: (held) => Math.min(schedule.batchSize, held.length),
      export: (batch, totals) => {
        trace.exports.push({ at: scheduler.now(), batch, totals });
        const scripted = schedule.responses[trace.exports.length - 1];
        const answer = scripted === undefined ? EMPTY : respond(batch, scripted, scheduler);
        return new Observable<ExportResult<number>>((subscriber) => {
          let answered = false;
          const subscription = (answer as Observable<ExportResult<number>>).subscribe({
            next: (value) => {
              answered = true;
              subscriber.next(value);
            },
            error: (error) => {
              answered = true;
              subscriber.error(error);
            },
            complete: () => {
              answered = true;
              subscriber.complete();
            },
          });
          return () => {
            subscription.unsubscribe();
            if (!answered) {
              trace.cut.push(scheduler.now());
            }
          };
        });
      },
      shutdown: () => {
        trace.shutdowns.push(scheduler.now());
        return EMPTY;
      },
    },
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
