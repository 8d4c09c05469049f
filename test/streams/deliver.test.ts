import { inspect } from 'node:util';
import {
  concat,
  defer,
  from,
  ignoreElements,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import type { DeliveryOptions } from '../../src/streams/delivery-options.js';
import type { Exporter, ExportResult } from '../../src/streams/exporter.js';
import { marbles } from '../support/marbles.js';
import { ARE_RUNS_FEWER } from '../support/runs.js';

const boom = new Error('boom');

/** Runs a sink in virtual time; items are the numbers 1, 2, 3, ... at every second from 0.5 s on. */
function run(
  respond: (batch: readonly number[], attempt: number, now: number) => Observable<unknown>,
  options: DeliveryOptions & {
    readonly ticks?: number;
    readonly stopAt?: number;
    readonly unsubscribeAt?: number;
    readonly flushAt?: readonly number[];
    readonly exporter?: Partial<Exporter<number>>;
  },
) {
  const scheduler = new TestScheduler(() => {});
  const log: [number, DeliveryEvent][] = [];
  const batches: [number, readonly number[]][] = [];
  let shutdowns = 0;
  let completedAt: number | undefined;
  scheduler.run(({ flush }) => {
    const items$ = new Subject<number>();
    const flush$ = new Subject<void>();
    const sink = deliver<number>(
      () => ({
        export: (batch) => {
          batches.push([scheduler.now(), batch]);
          return respond(batch, batches.length, scheduler.now()) as Observable<undefined>;
        },
        shutdown: () => {
          shutdowns++;
          return [];
        },
        ...options.exporter,
      }),
      {
        flushIntervalMillis: 10_000,
        maxBuffered: 5,
        exportTimeoutMillis: 3_000,
        ...options,
        flush$,
        scheduler,
      },
    );
    const subscription = items$.pipe(sink).subscribe({
      next: (event) => log.push([scheduler.now(), event]),
      complete: () => {
        completedAt = scheduler.now();
      },
    });
    for (let tick = 1; tick <= (options.ticks ?? 0); tick++) {
      timer(tick * 1000 - 500, scheduler).subscribe(() => items$.next(tick));
    }
    for (const at of options.flushAt ?? []) {
      timer(at, scheduler).subscribe(() => flush$.next());
    }
    if (options.stopAt !== undefined) {
      timer(options.stopAt, scheduler).subscribe(() => items$.complete());
    }
    timer(options.unsubscribeAt ?? 1_000_000, scheduler).subscribe(() => subscription.unsubscribe());
    flush();
  });
  const of = (type: DeliveryEvent['type']) => log.filter(([, event]) => event.type === type);
  return { log, batches, shutdowns, completedAt, of };
}

/** Says that all is delivered, after a while. */
const deliveredAfter = (millis: number) => timer(millis).pipe(ignoreElements());
const delivered = () => of<ExportResult<number>>({ status: 'delivered' });
const failed = () => throwError(() => boom);

describe('a flush', () => {
  it('sends what was collected since the last, at every interval', () => {
    const { batches } = run(delivered, { ticks: 20, maxBuffered: 60, unsubscribeAt: 25_000 });
    expect(batches).toEqual([
      [10_000, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
      [20_000, [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]],
    ]);
  });

  it('sends nothing when nothing is held', () => {
    expect(run(delivered, { unsubscribeAt: 25_000 }).batches).toEqual([]);
  });

  it('sends an empty batch if the exporter wants one', () => {
    const { batches } = run(delivered, { unsubscribeAt: 15_000, exporter: { exportsEmptyBatches: true } });
    expect(batches).toEqual([[10_000, []]]);
  });

  it('sends at once when asked, and the cadence goes on as it was', () => {
    const { batches } = run(delivered, { ticks: 3, flushAt: [2_400], unsubscribeAt: 15_000 });
    expect(batches).toEqual([
      [2_400, [1, 2]],
      [10_000, [3]],
    ]);
  });

  it('goes out in as many exports as the exporter wants, one after the other', () => {
    const { batches } = run(() => deliveredAfter(0), {
      ticks: 5,
      unsubscribeAt: 15_000,
      exporter: { batchSize: (held) => Math.min(2, held.length) },
    });
    expect(batches.map(([, batch]) => batch)).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('does not begin again while it is under way, and leaves what came meanwhile to the next', () => {
    const slow = () => deliveredAfter(15_000);
    const { batches } = run(slow, {
      ticks: 12,
      maxBuffered: 60,
      exportTimeoutMillis: 20_000,
      unsubscribeAt: 35_000,
    });
    expect(batches.map(([at, batch]) => [at, batch.length])).toEqual([
      [10_000, 10],
      [30_000, 2],
    ]);
  });

  it('takes in what was collected since it began, when asked again meanwhile', () => {
    const slow = () => deliveredAfter(2_500);
    const { batches, of } = run(slow, {
      ticks: 12,
      maxBuffered: 60,
      flushAt: [11_600],
      unsubscribeAt: 18_000,
    });
    expect(batches.map(([at, batch]) => [at, batch.length])).toEqual([
      [10_000, 10],
      [12_500, 2],
    ]);
    expect(of('flushed').map(([at]) => at)).toEqual([15_000]);
  });

  it('may take any number of exports that answer at once', () => {
    const types: Record<string, number> = {};
    range(1, 20_000)
      .pipe(deliver(() => ({ batchSize: () => 1, export: () => of(undefined) }), { maxBuffered: 20_000 }))
      .subscribe(({ type }) => {
        types[type] = (types[type] ?? 0) + 1;
      });
    expect(types).toEqual({ exported: 20_000, drained: 1 });
  });

  it('lets go of a source that emits all at once', () => {
    let pulled = 0;
    const endless = function* () {
      for (;;) {
        yield pulled++;
      }
    };
    from(endless())
      .pipe(
        deliver(() => ({ export: () => of(undefined) }), { maxBuffered: 1 }),
        take(1),
      )
      .subscribe();
    expect(pulled).toBeLessThan(5);
  });

  it('asks the exporter for the size of a batch only of what it is to send, and takes any answer', () => {
    const asked: number[][] = [];
    const sizes = [0, -1, 1.5, 99, Number.NaN];
    const { batches } = run(() => deliveredAfter(600), {
      ticks: 40,
      maxBuffered: 60,
      unsubscribeAt: 55_000,
      exporter: {
        exportsEmptyBatches: true,
        batchSize: (held) => {
          asked.push([...held]);
          return sizes[asked.length - 1] ?? held.length;
        },
      },
    });
    expect(asked[0]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(asked.map(({ length }) => length)).toEqual([10, 10, 10, 9, 10]);
    expect(batches.map(([, batch]) => batch.length)).toEqual([10, 10, 1, 9, 10, 0]);
  });

  it('leaves what came meanwhile to the next also after something was refused', () => {
    const slowly = (answer: unknown) => concat(timer(1_200).pipe(ignoreElements()), of(answer));
    const { batches } = run(
      (_, attempt) => slowly(attempt === 1 ? { status: 'rejected', error: boom } : undefined),
      {
        ticks: 12,
        maxBuffered: 60,
        unsubscribeAt: 25_000,
        exporter: { batchSize: (held) => Math.min(held.length, 5) },
      },
    );
    expect(batches.map(([at, batch]) => [at, batch])).toEqual([
      [10_000, [1, 2, 3, 4, 5]],
      [11_200, [6, 7, 8, 9, 10]],
      [20_000, [11, 12]],
    ]);
  });

  it('keeps sending after a remainder, and counts the item once', () => {
    let rest = 3;
    const { batches, of } = run(
      () => [{ status: 'delivered', ...(--rest > 0 ? { remainder: 100 + rest } : {}) }] as never,
      { ticks: 1, unsubscribeAt: 15_000 },
    );
    expect(batches.map(([, batch]) => batch)).toEqual([[1], [102], [101]]);
    expect(of('exported').map(([, event]) => (event as { items: number }).items)).toEqual([0, 0, 1]);
  });
});

describe('a heartbeat', () => {
  it('has no remainder, whatever the exporter says', () => {
    const answers = [
      { status: 'delivered', remainder: 7 },
      { status: 'rejected', error: boom, remainder: 7 },
    ];
    const { batches, log } = run((_, attempt) => [answers[attempt - 1]] as never, {
      unsubscribeAt: 25_000,
      exporter: { exportsEmptyBatches: true },
    });
    expect(batches.map(([, batch]) => batch)).toEqual([[], []]);
    expect(log.map(([, event]) => ('items' in event ? [event.type, event.items] : event.type))).toEqual([
      ['exported', 0],
      'flushed',
      ['rejected', 0],
      'flushed',
    ]);
  });
});

describe('what counts as delivered', () => {
  it.each([
    ['a promise of nothing', () => Promise.resolve()],
    ['completion without a value', () => concat()],
    ['undefined', () => of(undefined)],
    ['null', () => of(null)],
  ])('is %s', async (_, respond) => {
    const events: DeliveryEvent[] = [];
    await new Promise<void>((resolve) => {
      of(1, 2)
        .pipe(deliver(() => ({ export: respond as never })))
        .subscribe({ next: (event) => events.push(event), complete: resolve });
    });
    expect(events.map(({ type }) => type)).toEqual(['exported', 'drained']);
  });

  it.each<[string, unknown, string]>([
    ['a text', 'ok', "expected an ExportResult or nothing, got 'ok'"],
    [
      'the response of a request',
      { ok: false, code: 503 },
      'expected an ExportResult or nothing, got { ok: false, code: 503 }',
    ],
    [
      'a status there is none of',
      { status: 503 },
      'expected an ExportResult or nothing, got { status: 503 }',
    ],
    ['a failure without an error', { status: 'failed' }, 'undefined'],
    ['a failure with a text for an error', { status: 'failed', error: 'down' }, 'down'],
    ['what cannot be shown', throwError(() => Object.create(null)), '[Object: null prototype] {}'],
  ])('is not %s: that has failed', (_, answer, message) => {
    const { of: events } = run(() => (answer instanceof Observable ? answer : of(answer)), {
      ticks: 1,
      unsubscribeAt: 15_000,
    });
    expect(events('exported')).toEqual([]);
    expect(events('failed')[0][1]).toMatchObject({ error: { message }, held: 1 });
  });

  it('is not the response of a server by itself: that does not compile', () => {
    // @ts-expect-error its status may be 503
    const exporter: Exporter<number> = { export: async () => new Response('down', { status: 503 }) };
    const ofNothing: Exporter<number> = { export: async () => {}, shutdown() {} };
    expect([exporter, ofNothing]).toHaveLength(2);
  });

  it('is decided by the first answer: later ones change nothing', () => {
    const { of: events } = run(() => of({ status: 'delivered' }, { status: 'failed', error: boom }), {
      ticks: 1,
      unsubscribeAt: 25_000,
    });
    expect(events('exported')).toHaveLength(1);
    expect(events('failed')).toHaveLength(0);
  });
});

describe('a failure', () => {
  it('brings the batch back to the front, and waits 1, 2, 4, ... 32 intervals', () => {
    const { batches, of } = run(failed, { ticks: 1, unsubscribeAt: 1_400_000 });
    const at = batches.map(([now]) => now / 10_000);
    expect(at.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 64, 96]);
    expect(batches.every(([, batch]) => batch.length === 1 && batch[0] === 1)).toBe(true);
    expect(of('failed')[3][1]).toEqual({
      type: 'failed',
      error: boom,
      failures: 4,
      retryInMillis: 80_000,
      held: 1,
    });
  });

  it('counts from when it happened, not from when the attempt began', () => {
    const late = () => concat(timer(2_000).pipe(ignoreElements()), failed());
    const { batches } = run(late, { ticks: 1, unsubscribeAt: 40_000 });
    expect(batches.map(([now]) => now)).toEqual([10_000, 22_000]);
  });

  it.each([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['fails', failed],
    ['says so', () => of({ status: 'failed', error: boom })],
  ])('is when the exporter %s', (_, respond) => {
    expect(run(respond as never, { ticks: 1, unsubscribeAt: 15_000 }).of('failed')[0][1]).toMatchObject({
      error: boom,
    });
  });

  it('is when there is no answer within the export timeout, which is then unsubscribed from', () => {
    let torn = 0;
    const hang = () => new Observable(() => () => torn++);
    const { of } = run(hang, { ticks: 1, unsubscribeAt: 15_000 });
    expect(of('failed')[0]).toEqual([
      13_000,
      expect.objectContaining({ error: new Error('no answer within 3000 ms'), retryInMillis: 10_000 }),
    ]);
    expect(torn).toBe(1);
  });

  it('is tried again at once by an explicit flush, which does not reset the backoff', () => {
    const { batches } = run(failed, { ticks: 1, flushAt: [11_000], unsubscribeAt: 32_000 });
    expect(batches.map(([now]) => now)).toEqual([10_000, 11_000, 31_000]);
  });

  it('waits as long as the receiver asks, up to 32 intervals', () => {
    const ask = (retryAfterMillis: number) => () => of({ status: 'failed', error: boom, retryAfterMillis });
    expect(run(ask(25_000), { ticks: 1, unsubscribeAt: 36_000 }).batches.map(([now]) => now)).toEqual([
      10_000, 35_000,
    ]);
    expect(run(ask(1e9), { ticks: 1, unsubscribeAt: 400_000 }).batches.map(([now]) => now)).toEqual([
      10_000, 330_000,
    ]);
    for (const none of [1, 0, -5, Number.NaN]) {
      expect(run(ask(none), { ticks: 1, unsubscribeAt: 25_000 }).batches.map(([now]) => now)).toEqual([
        10_000, 20_000,
      ]);
    }
  });

  it('is over with the first success, which says so and resets the backoff', () => {
    const { batches, of } = run((_, attempt) => (attempt === 3 ? delivered() : failed()), {
      ticks: 90,
      maxBuffered: 100,
      unsubscribeAt: 62_000,
    });
    expect(of('recovered')).toEqual([[40_000, { type: 'recovered', failures: 2 }]]);
    expect(batches.map(([now]) => now)).toEqual([10_000, 20_000, 40_000, 50_000, 60_000]);
  });

  it('in the middle of a flush sends only what was not acknowledged again', () => {
    const { batches } = run((_, attempt) => (attempt === 3 ? failed() : delivered()), {
      ticks: 5,
      unsubscribeAt: 25_000,
      exporter: { batchSize: () => 1 },
    });
    expect(batches.map(([, batch]) => batch)).toEqual([[1], [2], [3], [3], [4], [5]]);
  });
});

describe('a full buffer', () => {
  it('drops the oldest, and tells with the next success how many', () => {
    const { batches, of } = run(delivered, { ticks: 10, unsubscribeAt: 15_000 });
    expect(batches).toEqual([[10_000, [6, 7, 8, 9, 10]]]);
    expect(of('dropped')).toHaveLength(5);
    expect(of('exported')[0][1]).toMatchObject({ items: 5, droppedBefore: 5 });
  });

  it('drops the oldest also when a failed batch comes back to it', () => {
    const respond = (_: unknown, attempt: number) => (attempt === 1 ? NEVER : delivered());
    const { batches, of } = run(respond, { ticks: 13, unsubscribeAt: 25_000 });
    expect(batches[0][1]).toEqual([6, 7, 8, 9, 10]);
    expect(batches[1][1]).toEqual([9, 10, 11, 12, 13]);
    expect(of('exported')[0][1]).toMatchObject({ items: 5, droppedBefore: 8 });
  });
});

describe('data that the receiver refuses', () => {
  it('is given up, and the rest goes on at once', () => {
    const { batches, of } = run(
      (batch) => (batch[0] === 2 ? [{ status: 'rejected', error: boom }] : delivered()) as never,
      { ticks: 3, unsubscribeAt: 15_000, exporter: { batchSize: () => 1 } },
    );
    expect(batches.map(([now, batch]) => [now, batch[0]])).toEqual([
      [10_000, 1],
      [10_000, 2],
      [10_000, 3],
    ]);
    expect(of('rejected')).toEqual([[10_000, { type: 'rejected', error: boom, items: 1, points: 0 }]]);
  });

  it('as a whole is tried in smaller batches at once', () => {
    let alone = false;
    const { batches } = run(
      (batch) => {
        alone ||= batch.length > 1;
        return (batch.length > 1 ? [{ status: 'split', error: boom }] : delivered()) as never;
      },
      { ticks: 3, unsubscribeAt: 15_000, exporter: { batchSize: (held) => (alone ? 1 : held.length) } },
    );
    expect(batches.map(([, batch]) => batch)).toEqual([[1, 2, 3], [1], [2], [3]]);
  });
});

describe('an explicit flush that is asked for by who hears an event', () => {
  /** Collects an item and asks for a flush when an event of this type is heard for the first time. */
  function askedBy(type: DeliveryEvent['type'], respond: (attempt: number) => Observable<unknown>) {
    const scheduler = new TestScheduler(() => {});
    const attempts: [number, readonly number[]][] = [];
    scheduler.run(({ flush }) => {
      const items$ = new Subject<number>();
      const flush$ = new Subject<void>();
      let asked = false;
      const subscription = items$
        .pipe(
          deliver<number>(
            () => ({
              export: (batch) => {
                attempts.push([scheduler.now(), batch]);
                return respond(attempts.length) as Observable<undefined>;
              },
            }),
            { flushIntervalMillis: 10_000, flush$, scheduler },
          ),
        )
        .subscribe((event) => {
          if (event.type === type && !asked) {
            asked = true;
            items$.next(2);
            flush$.next();
          }
        });
      items$.next(1);
      scheduler.schedule(() => subscription.unsubscribe(), 10_500);
      flush();
    });
    return attempts;
  }

  it('is made at once after flushed, though nothing came: a heartbeat', () => {
    const scheduler = new TestScheduler(() => {});
    const log: [number, string][] = [];
    scheduler.run(({ flush }) => {
      const flush$ = new Subject<void>();
      const subscription = NEVER.pipe(
        deliver(() => ({ exportsEmptyBatches: true, export: () => delivered() }), {
          flushIntervalMillis: 10_000,
          flush$,
          scheduler,
        }),
      ).subscribe(({ type }) => {
        log.push([scheduler.now(), type]);
        if (log.length === 2) {
          flush$.next();
        }
      });
      scheduler.schedule(() => subscription.unsubscribe(), 10_500);
      flush();
    });
    expect(log).toEqual([
      [10_000, 'exported'],
      [10_000, 'flushed'],
      [10_000, 'exported'],
      [10_000, 'flushed'],
    ]);
  });

  it.each(['exported', 'flushed'] as const)('is made at once after %s', (type) => {
    expect(askedBy(type, () => delivered())).toEqual([
      [10_000, [1]],
      [10_000, [2]],
    ]);
  });

  it('is made at once after failed, without the wait', () => {
    expect(askedBy('failed', (attempt) => (attempt === 1 ? failed() : delivered()))).toEqual([
      [10_000, [1]],
      [10_000, [1, 2]],
    ]);
  });
});

/** Far more than fit on a stack; fewer for each mutant. */
const ROUNDS = ARE_RUNS_FEWER ? 2_000 : 50_000;

describe('a listener that feeds back into the sink', () => {
  /** Requests a flush from within each event of a type, `rounds` times. Counts, and the deepest nesting of calls. */
  function feedBack(type: DeliveryEvent['type'], rounds: number, exporter: Exporter<number>) {
    const items$ = new Subject<number>();
    const flush$ = new Subject<void>();
    const counts: Record<string, number> = {};
    let depth = 0;
    let deepest = 0;
    const subscription = items$.pipe(deliver(() => exporter, { flush$ })).subscribe((event) => {
      counts[event.type] = (counts[event.type] ?? 0) + 1;
      depth++;
      deepest = Math.max(deepest, depth);
      if (event.type === type && counts[type] < rounds) {
        flush$.next();
      }
      depth--;
    });
    items$.next(1);
    flush$.next();
    subscription.unsubscribe();
    return { counts, deepest };
  }

  it('requests 50,000 flushes from within failed, on a flat stack', () => {
    const { counts, deepest } = feedBack('failed', ROUNDS, { export: () => failed() as never });
    expect(counts).toEqual({ failed: ROUNDS });
    expect(deepest).toBe(1);
  });

  it('requests a flush from within exported: it belongs to the flush under way, which ends', () => {
    const { counts, deepest } = feedBack('exported', ROUNDS, {
      exportsEmptyBatches: true,
      export: () => of(undefined),
    });
    expect(counts).toEqual({ exported: 1, flushed: 1 });
    expect(deepest).toBe(1);
  });

  it('requests 50,000 flushes from within flushed, on a flat stack', () => {
    const { counts, deepest } = feedBack('flushed', ROUNDS, {
      exportsEmptyBatches: true,
      export: () => of(undefined),
    });
    expect(counts).toEqual({ exported: ROUNDS, flushed: ROUNDS });
    expect(deepest).toBe(1);
  });

  it('puts in 50,000 items with a flush for each, from within the exported of the one before', () => {
    const items$ = new Subject<number>();
    const flush$ = new Subject<void>();
    let exported = 0;
    let dropped = 0;
    const subscription = items$
      .pipe(deliver(() => ({ export: () => of(undefined) }), { flush$ }))
      .subscribe(({ type }) => {
        dropped += type === 'dropped' ? 1 : 0;
        if (type === 'exported' && ++exported < ROUNDS) {
          items$.next(exported);
          flush$.next();
        }
      });
    items$.next(0);
    flush$.next();
    subscription.unsubscribe();
    expect([exported, dropped]).toEqual([ROUNDS, 0]);
  });

  it('puts in an item: what comes of it is emitted after the events of the step', () => {
    const items$ = new Subject<number>();
    const flush$ = new Subject<void>();
    const types: string[] = [];
    let attempts = 0;
    const subscription = items$
      .pipe(
        deliver(() => ({ export: () => (++attempts === 1 ? failed() : of(undefined)) as never }), {
          maxBuffered: 1,
          flush$,
        }),
      )
      .subscribe(({ type }) => {
        types.push(type);
        if (type === 'exported' && types.length < 4) {
          items$.next(2);
          items$.next(3);
        }
      });
    items$.next(1);
    flush$.next();
    flush$.next();
    subscription.unsubscribe();
    expect(types).toEqual(['failed', 'exported', 'recovered', 'dropped', 'flushed']);
  });

  it('unsubscribes: nothing is emitted, exported or asked after that', () => {
    const flush$ = new Subject<void>();
    const types: string[] = [];
    let attempts = 0;
    const subscription = concat(of(1), NEVER)
      .pipe(deliver(() => ({ export: () => of(attempts++).pipe(ignoreElements()) }), { flush$ }))
      .subscribe(({ type }) => {
        types.push(type);
        flush$.next();
        subscription.unsubscribe();
      });
    flush$.next();
    expect([types, attempts]).toEqual([['exported'], 1]);
  });
});

describe('a batchSize that throws', () => {
  it('is a failed export: the items stay, the backoff begins, and it goes on when it throws no more', () => {
    let asked = 0;
    const { batches, of } = run(delivered, {
      ticks: 2,
      unsubscribeAt: 45_000,
      exporter: {
        batchSize: (held) => {
          if (++asked <= 2) {
            throw asked === 1 ? boom : 'no error at all';
          }
          return held.length;
        },
      },
    });
    expect(of('failed').map(([at, event]) => [at, event])).toEqual([
      [10_000, { type: 'failed', error: boom, failures: 1, retryInMillis: 10_000, held: 2 }],
      [
        20_000,
        {
          type: 'failed',
          error: new Error('no error at all'),
          failures: 2,
          retryInMillis: 20_000,
          held: 2,
        },
      ],
    ]);
    expect(batches).toEqual([[40_000, [1, 2]]]);
  });

  it('in the drain loses what is held, and says so', () => {
    const { batches, log } = run(delivered, {
      ticks: 2,
      stopAt: 3_000,
      exporter: {
        batchSize: () => {
          throw boom;
        },
      },
    });
    expect(batches).toEqual([]);
    expect(log.at(-1)?.[1]).toEqual({ type: 'drained', lost: 2, rejected: 0, error: boom });
  });
});

describe('a buffer that becomes full in a wait', () => {
  const downUntil = (millis: number) => (_: unknown, __: number, now: number) =>
    now < millis ? failed() : delivered();

  it('makes one attempt at once: an outage that has ended by then costs nothing', () => {
    const { batches, of } = run(downUntil(45_000), {
      ticks: 80,
      maxBuffered: 60,
      unsubscribeAt: 85_000,
    });
    expect(batches.map(([at, batch]) => [at, batch.length])).toEqual([
      [10_000, 10],
      [20_000, 20],
      [40_000, 40],
      [59_500, 60],
      [69_500, 10],
      [79_500, 10],
    ]);
    expect(of('dropped')).toEqual([]);
    expect(of('recovered')).toEqual([[59_500, { type: 'recovered', failures: 3 }]]);
  });

  it('makes no second one before the next success, and the wait keeps its end', () => {
    const { batches, of } = run(downUntil(1_000_000), {
      ticks: 100,
      maxBuffered: 60,
      unsubscribeAt: 161_000,
    });
    expect(batches.map(([at]) => at)).toEqual([10_000, 20_000, 40_000, 59_500, 80_000, 160_000]);
    expect(of('failed').map(([at, event]) => [at, (event as { failures: number }).failures])).toEqual([
      [10_000, 1],
      [20_000, 2],
      [40_000, 3],
      [59_500, 3],
      [80_000, 4],
      [160_000, 5],
    ]);
    expect(of('failed')[3][1]).toMatchObject({ retryInMillis: 20_500 });
    expect(of('dropped')[0][0]).toBe(60_500);
  });

  it('makes a new one after a success', () => {
    const { batches } = run((_, attempt) => (attempt === 3 ? delivered() : failed()), {
      ticks: 30,
      maxBuffered: 12,
      flushAt: [13_000],
      unsubscribeAt: 29_000,
    });
    expect(batches.map(([at, batch]) => [at, batch.length])).toEqual([
      [10_000, 10],
      [11_500, 12],
      [13_000, 12],
      [23_000, 10],
      [24_500, 12],
    ]);
  });
});

describe('a receiver that refuses a batch as a whole for ever', () => {
  it('has failed after 64 times, so that the backoff begins', () => {
    const { batches, of } = run(() => [{ status: 'split', error: boom }] as never, {
      ticks: 1,
      unsubscribeAt: 15_000,
    });
    expect(batches).toHaveLength(65);
    expect(of('split')).toHaveLength(64);
    expect(of('failed')[0][1]).toMatchObject({ error: boom, failures: 1, retryInMillis: 10_000, held: 1 });
  });
});

describe('a receiver that takes the 65th of as many attempts', () => {
  it('has not failed', () => {
    const { of } = run(
      (_, attempt) => (attempt <= 64 ? [{ status: 'split', error: boom }] : delivered()) as never,
      {
        ticks: 1,
        unsubscribeAt: 15_000,
      },
    );
    expect(of('failed')).toEqual([]);
    expect(of('exported').map(([at]) => at)).toEqual([10_000]);
    expect(of('flushed').map(([at]) => at)).toEqual([10_000]);
  });
});

describe('data refused while the rest of its item goes on', () => {
  it('is counted in points, the item as delivered in the end', () => {
    const answers = [
      { status: 'rejected', error: boom, remainder: 7, rejectedPoints: 11 },
      { status: 'delivered' },
    ];
    const { of, batches } = run((_, attempt) => [answers[attempt - 1]] as never, {
      ticks: 1,
      unsubscribeAt: 15_000,
    });
    expect(batches.map(([, batch]) => batch)).toEqual([[1], [7]]);
    expect(of('rejected')[0][1]).toEqual({ type: 'rejected', error: boom, items: 0, points: 11 });
    expect(of('exported')[0][1]).toMatchObject({ items: 1 });
  });
});

describe('the end of the source', () => {
  it('gives what is held one last attempt, shuts the exporter down, and completes', () => {
    const { log, shutdowns, completedAt } = run(delivered, { ticks: 2, stopAt: 3_000 });
    expect(log.map(([at, { type }]) => [at, type])).toEqual([
      [3_000, 'exported'],
      [3_000, 'drained'],
    ]);
    expect([shutdowns, completedAt]).toEqual([1, 3_000]);
  });

  it('ends a backoff at once', () => {
    const { batches, completedAt } = run((_, attempt) => (attempt < 3 ? failed() : delivered()), {
      ticks: 1,
      stopAt: 25_000,
    });
    expect(batches.map(([now]) => now)).toEqual([10_000, 20_000, 25_000]);
    expect(completedAt).toBe(25_000);
  });

  it('waits for an export in flight, then tries what is left once', () => {
    const { batches, log, completedAt } = run(() => deliveredAfter(2_000), {
      ticks: 11,
      maxBuffered: 60,
      stopAt: 11_000,
    });
    expect(batches.map(([now, batch]) => [now, batch.length])).toEqual([
      [10_000, 10],
      [12_000, 1],
    ]);
    expect(log.at(-1)?.[1]).toEqual({ type: 'drained', lost: 0, rejected: 0, error: undefined });
    expect(completedAt).toBe(14_000);
  });

  it('tries once only: what fails then is lost, and is told', () => {
    const { batches, log } = run(failed, { ticks: 3, stopAt: 3_000 });
    expect(batches).toHaveLength(1);
    expect(log.slice(-2)).toEqual([
      [3_000, { type: 'failed', error: boom, failures: 1, retryInMillis: undefined, held: 3 }],
      [3_000, { type: 'drained', lost: 3, rejected: 0, error: boom }],
    ]);
  });

  it('takes no longer than the export timeout, however many exports it needs', () => {
    const { completedAt, log } = run(() => deliveredAfter(2_000), {
      ticks: 4,
      stopAt: 5_000,
      exporter: { batchSize: () => 1 },
    });
    expect(completedAt).toBe(8_000);
    expect(log.at(-1)?.[1]).toEqual({
      type: 'drained',
      lost: 3,
      rejected: 0,
      error: new Error('no answer within the 3000 ms of the drain'),
    });
  });

  it('tells what the receiver refused in it as lost', () => {
    const { log } = run(() => [{ status: 'rejected', error: boom }] as never, { ticks: 2, stopAt: 3_000 });
    expect(log.at(-1)?.[1]).toEqual({ type: 'drained', lost: 0, rejected: 2, error: boom });
  });

  it('tells only what was refused in it', () => {
    const { log } = run(() => [{ status: 'rejected', error: boom }] as never, { ticks: 12, stopAt: 12_000 });
    expect(log.at(-1)?.[1]).toEqual({ type: 'drained', lost: 0, rejected: 2, error: boom });
  });

  it('sends nothing if nothing is held, also after failures, but a heartbeat', () => {
    const failedThenRefused = (_: unknown, attempt: number) =>
      [attempt === 1 ? { status: 'failed', error: boom } : { status: 'rejected', error: boom }] as never;
    const { batches, log } = run(failedThenRefused, { ticks: 1, stopAt: 25_000 });
    expect(batches.map(([at]) => at)).toEqual([10_000, 20_000]);
    expect(log.at(-1)).toEqual([25_000, { type: 'drained', lost: 0, rejected: 0, error: boom }]);
  });

  it('tells of a last heartbeat that got no answer', () => {
    const { log } = run((_, attempt) => (attempt === 1 ? failed() : NEVER), {
      stopAt: 15_000,
      exporter: { exportsEmptyBatches: true },
    });
    const error = new Error('no answer within the 3000 ms of the drain');
    expect(log.slice(-2)).toEqual([
      [18_000, { type: 'failed', error, failures: 2, retryInMillis: undefined, held: 0 }],
      [18_000, { type: 'drained', lost: 0, rejected: 0, error }],
    ]);
  });

  it('sends a last heartbeat if the last one failed', () => {
    const { batches, log } = run((_, attempt) => (attempt === 1 ? failed() : delivered()), {
      stopAt: 15_000,
      exporter: { exportsEmptyBatches: true },
    });
    expect(batches).toEqual([
      [10_000, []],
      [15_000, []],
    ]);
    expect(log.at(-1)?.[1]).toMatchObject({ type: 'drained', error: undefined });
  });

  it('does not wait for a shutdown that hangs', () => {
    const { completedAt } = run(delivered, { ticks: 1, stopAt: 2_000, exporter: { shutdown: () => NEVER } });
    expect(completedAt).toBe(5_000);
  });

  it('by failure drains as well, then fails', () => {
    const events: string[] = [];
    concat(
      of(1),
      throwError(() => boom),
    )
      .pipe(deliver(() => ({ export: () => of(undefined) })))
      .subscribe({ next: ({ type }) => events.push(type), error: (error) => events.push(error.message) });
    expect(events).toEqual(['exported', 'drained', 'boom']);
  });
});

describe('an observable of explicit flushes', () => {
  it('may emit as it is subscribed to, and is subscribed to once, be it cold, through failures and after its end', () => {
    let subscriptions = 0;
    const scheduler = new TestScheduler(() => {});
    const attempts: number[] = [];
    scheduler.run(({ flush }) => {
      const flush$ = defer(() => {
        subscriptions++;
        return concat(of(1), timer(2_000, scheduler));
      });
      const subscription = concat(of(1), NEVER)
        .pipe(
          deliver<number>(
            () => ({
              exportsEmptyBatches: true,
              export: () => {
                attempts.push(scheduler.now());
                return failed();
              },
            }),
            { flushIntervalMillis: 10_000, flush$, scheduler },
          ),
        )
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 23_000);
      flush();
    });
    expect(subscriptions).toBe(1);
    expect(attempts).toEqual([0, 2_000, 22_000]);
  });
});

describe('unsubscribing', () => {
  it('stops at once: no last attempt, the export in flight cut, the exporter shut down', () => {
    let torn = 0;
    const hang = () => new Observable(() => () => torn++);
    const { batches, log, shutdowns } = run(hang, { ticks: 12, unsubscribeAt: 11_000 });
    expect(batches).toHaveLength(1);
    expect(log.filter(([at]) => at > 11_000)).toEqual([]);
    expect([torn, shutdowns]).toEqual([1, 1]);
  });
});

describe('in marbles, deliver', () => {
  const values = {
    f: { type: 'failed', error: boom, failures: 1, retryInMillis: 10, held: 3 },
    a: { type: 'exported', items: 4, droppedBefore: 0, partial: undefined },
    r: { type: 'recovered', failures: 1 },
    x: { type: 'exported', items: 1, droppedBefore: 0, partial: undefined },
    l: { type: 'flushed' },
    d: { type: 'drained', lost: 0, rejected: 0, error: undefined },
  };
  const failingFirst = (): Exporter<string> => {
    let attempts = 0;
    return { export: () => (++attempts === 1 ? throwError(() => boom) : of(undefined)) };
  };

  it('flushes, waits, recovers and drains, with one subscription to its source', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }, scheduler) => {
      const source = hot('ab-c----------d--------e---------f----|');
      const sink = deliver(failingFirst, { flushIntervalMillis: 10, scheduler });
      expectObservable(source.pipe(sink)).toBe('----------f---------(arl)-----(xl)----(xd|)', values);
      expectSubscriptions(source.subscriptions).toBe('^-------------------------------------!');
    });
  });

  it('lets go of its source, its flushes and its export when it is unsubscribed from', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = hot<string>('a--------------');
      const flush$ = cold('       ---x-----------');
      const answer = cold<undefined>('---------------');
      const sink = deliver(() => ({ export: () => answer }), { flushIntervalMillis: 10, flush$, scheduler });
      expectObservable(source.pipe(sink), '------!').toBe('-------');
      expectSubscriptions(source.subscriptions).toBe('^-----!');
      expectSubscriptions(flush$.subscriptions).toBe('^-----!');
      expectSubscriptions(answer.subscriptions).toBe('---^--!');
    });
  });

  it('lets go of its flushes when the drain begins', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = hot<string>('a--|');
      const flush$ = cold('       ----------');
      const answer = cold<undefined>('----');
      const sink = deliver(() => ({ export: () => answer }), {
        flushIntervalMillis: 10,
        flush$,
        scheduler,
      });
      expectObservable(source.pipe(sink), '------!').toBe('-------');
      expectSubscriptions(flush$.subscriptions).toBe('^--!');
      expectSubscriptions(answer.subscriptions).toBe('---^--!');
    });
  });

  it('fails after the drain where its source fails', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }, scheduler) => {
      const source = hot<string>('a--#');
      const sink = deliver(() => ({ export: () => of(undefined) }), { flushIntervalMillis: 10, scheduler });
      expectObservable(source.pipe(sink)).toBe('---(xd#)', values);
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });
});

describe('options out of range', () => {
  it.each([
    [{ flushIntervalMillis: 0 }, 'flushIntervalMillis: expected 1 to 67108863 milliseconds, got 0'],
    [
      { flushIntervalMillis: Number.NaN },
      'flushIntervalMillis: expected 1 to 67108863 milliseconds, got NaN',
    ],
    [
      { flushIntervalMillis: '5000' as never },
      "flushIntervalMillis: expected 1 to 67108863 milliseconds, got '5000'",
    ],
    [
      { exportTimeoutMillis: 20n as never },
      'exportTimeoutMillis: expected 1 to 2147483647 milliseconds, got 20n',
    ],
    [{ maxBuffered: '60' as never }, "maxBuffered: expected an integer of 1 or more, got '60'"],
    [{ maxBuffered: 1.5 }, 'maxBuffered: expected an integer of 1 or more, got 1.5'],
    [
      { exportTimeoutMillis: 2 ** 31 },
      'exportTimeoutMillis: expected 1 to 2147483647 milliseconds, got 2147483648',
    ],
  ])('%o are refused when the sink is made', (options, message) => {
    expect(() => deliver(() => ({ export: () => [] }), options)).toThrowError(new RangeError(message));
  });

  it.each([
    { flushIntervalMillis: 1, maxBuffered: 1, exportTimeoutMillis: 1 },
    { flushIntervalMillis: 67_108_863, exportTimeoutMillis: 2_147_483_647 },
  ])('%o are at its ends', (options) => {
    expect(() => deliver(() => ({ export: () => [] }), options)).not.toThrow();
  });

  it.each([undefined, {}, { export: () => [] }])('%o is not a function that makes an exporter', (factory) => {
    expect(() => deliver(factory as never)).toThrowError(
      new TypeError(`createExporter: expected a function that makes an exporter, got ${inspect(factory)}`),
    );
  });
});

describe('the factory of the exporter', () => {
  it('is called once for each subscription, with the scheduler', () => {
    const scheduler = new TestScheduler(() => {});
    const given: unknown[] = [];
    const sink = deliver(
      (each) => {
        given.push(each);
        return { export: () => of(undefined) };
      },
      { scheduler },
    );
    expect(given).toEqual([]);
    const events$ = of(1).pipe(sink);
    events$.subscribe();
    events$.subscribe();
    expect(given).toEqual([scheduler, scheduler]);
  });

  it.each([undefined, {}, { export: 'x' }])('that makes %o is an error of the stream', (exporter) => {
    const errors: unknown[] = [];
    of(1)
      .pipe(deliver(() => exporter as never))
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([
      new TypeError(`exporter: expected an object with a function export, got ${inspect(exporter)}`),
    ]);
  });

  it('that throws is an error of the stream', () => {
    const errors: unknown[] = [];
    of(1)
      .pipe(
        deliver(() => {
          throw boom;
        }),
      )
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([boom]);
  });
});
