import * as fc from 'fast-check';
import { EMPTY, map, NEVER, of, Subject, take, throwError, timer, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import { totalsAfter } from '../../src/streams/delivery-totals.js';
import { type DeliveryTotals, type ExportResult, INITIAL_TOTALS } from '../../src/streams/exporter.js';
import {
  coincidingSchedules,
  runSchedule,
  type Schedule,
  schedules,
  type Trace,
  wholeOf,
} from '../support/delivery-schedule.js';
import { NAMED_SCHEDULES, SAME_INSTANT_SCHEDULES } from '../support/named-schedules.js';
import { ARE_RUNS_FEWER, runs } from '../support/runs.js';

type Of<Type extends DeliveryEvent['type']> = Extract<DeliveryEvent, { type: Type }>;

const eventsOf = <Type extends DeliveryEvent['type']>(
  trace: Trace,
  type: Type,
): { at: number; event: Of<Type> }[] =>
  trace.events.filter(({ event }) => event.type === type) as { at: number; event: Of<Type> }[];

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

const itemsIn = (schedule: Schedule): number => schedule.items.filter((at) => at < schedule.end.at).length;

const isSettlement = ({ type }: DeliveryEvent): boolean =>
  ['exported', 'failed', 'rejected', 'split'].includes(type);

/** How each export ended, in the order of the exports; the last may be missing. */
const settlements = (trace: Trace): { at: number; event: DeliveryEvent }[] =>
  trace.events.filter(({ event }) => isSettlement(event));

/** The exports that the receiver said yes to: those that were followed by `exported`, in order. */
function acknowledged(trace: Trace): number[] {
  const settled = settlements(trace);
  return settled.flatMap(({ event }, index) =>
    event.type === 'exported' ? trace.exports[index].batch.slice(0, event.items) : [],
  );
}

function holds(name: string, check: (trace: Trace, schedule: Schedule) => void): void {
  describe(name, () => {
    it('over random schedules', () => {
      fc.assert(
        fc.property(schedules, (schedule) => check(runSchedule(schedule), schedule)),
        runs(500),
      );
    });

    it('over random schedules in which much happens at the same instant', () => {
      fc.assert(
        fc.property(coincidingSchedules, (schedule) => check(runSchedule(schedule), schedule)),
        runs(500),
      );
    });

    it.each([...NAMED_SCHEDULES, ...SAME_INSTANT_SCHEDULES])('$name', ({ schedule }) =>
      check(runSchedule(schedule), schedule));
  });
}

holds(
  '1. what was collected is delivered, dropped, rejected or, at the end, lost: each item one of them',
  (trace, schedule) => {
    if (schedule.end.kind === 'unsubscribed') {
      return;
    }
    const [drained] = eventsOf(trace, 'drained');
    const delivered = sum(eventsOf(trace, 'exported').map(({ event }) => event.items));
    const dropped = sum(eventsOf(trace, 'dropped').map(({ event }) => event.items));
    const rejected = sum(eventsOf(trace, 'rejected').map(({ event }) => event.items));
    const collected = schedule.items.filter((at) => at <= schedule.end.at).length;
    expect([collected, itemsIn(schedule)]).toContain(delivered + dropped + rejected + drained.event.lost);
  },
);

holds('2. delivery is in the order of collection, and nothing acknowledged is sent again', (trace) => {
  const whole = acknowledged(trace);
  expect(whole).toEqual([...new Set(whole)].sort((a, b) => a - b));
  const seen = new Set<number>();
  const settled = settlements(trace);
  trace.exports.forEach(({ batch }, index) => {
    expect(batch.some((item) => seen.has(item))).toBe(false);
    const event = settled[index]?.event;
    if (event?.type === 'exported') {
      for (const item of batch) {
        seen.add(item);
      }
    }
  });
});

holds('3. no more than the greatest number is held, and what is dropped is the oldest', (trace, schedule) => {
  for (const { event } of eventsOf(trace, 'failed')) {
    expect(event.held).toBeLessThanOrEqual(schedule.maxBuffered);
  }
  // What is sent is a run of consecutive items, as the newest of what came in before it: no hole where one was dropped.
  for (const { at, batch, totals } of trace.exports) {
    expect(batch.length).toBeLessThanOrEqual(schedule.maxBuffered);
    const wholes = batch.map(wholeOf);
    wholes.forEach((item, index) => {
      expect(item).toBe(wholes[0] + index);
    });
    if (wholes.length > 0) {
      expect(wholes[0]).toBe(totals.delivered + totals.dropped + totals.rejected + 1);
      expect(schedule.items[wholes[wholes.length - 1] - 1]).toBeLessThanOrEqual(at);
    }
  }
});

holds('what a sink has done can be told from its events alone', (trace) => {
  // After each settlement the totals pass through what the exporter is told at the next export.
  let totals = INITIAL_TOTALS;
  let settled = 0;
  const seen: DeliveryTotals[][] = [[totals]];
  for (const { at, event } of trace.events) {
    totals = totalsAfter(totals, event, at);
    if (isSettlement(event)) {
      settled++;
      seen[settled] = [];
    }
    seen[settled].push(totals);
  }
  trace.exports.forEach(({ totals: told }, index) => {
    const withoutCollected = seen[index].map((each) => ({ ...each, collected: told.collected }));
    expect(withoutCollected).toContainEqual(told);
  });
});

const NEVER_COMES = Number.POSITIVE_INFINITY;

/**
 * When an item comes after a failure that makes the buffer full, or finds it full, and no wait was asked for that goes
 * on: the last chance. `undefined` if it comes at the instant at which such a wait ends.
 */
function lastChanceAfter(
  { items, maxBuffered }: Schedule,
  { at, event }: { at: number; event: Of<'failed'> },
  askedMillis: number,
): number | undefined {
  const askedUntil = at + askedMillis;
  if (items.includes(askedUntil)) {
    return undefined;
  }
  const isWaitAskedFor = askedMillis >= (event.retryInMillis ?? 0);
  const later = items.filter((each) => each > at).slice(Math.max(1, maxBuffered - event.held) - 1);
  return isWaitAskedFor ? NEVER_COMES : (later.find((each) => each > askedUntil) ?? NEVER_COMES);
}

holds(
  '4. after k failures in a row the next scheduled attempt comes interval x min(2^(k-1), 32) after the failure, or once when the buffer is full',
  (trace, schedule) => {
    let failures = 0;
    let settled = 0;
    /** Undefined where two things at one instant leave it open. */
    let isChanceUsed: boolean | undefined = false;
    let dueBefore = 0;
    for (const [index, { at, event }] of trace.events.entries()) {
      settled += isSettlement(event) ? 1 : 0;
      if (event.type === 'exported') {
        if (failures > 0) {
          expect(trace.events[index + 1]).toEqual({ at, event: { type: 'recovered', failures } });
        }
        failures = 0;
        isChanceUsed = false;
      }
      if (event.type !== 'failed') {
        continue;
      }
      const isChance = event.failures === failures;
      if (isChance) {
        expect(isChanceUsed, 'a failure that does not count is the last chance, made before').not.toBe(false);
      } else {
        failures++;
      }
      expect(event.failures).toBe(failures);
      if (event.retryInMillis === undefined || event.retryInMillis === 0) {
        continue;
      }
      const asked = Math.min(
        event.error.message === 'failed' ? schedule.responses[settled - 1].retryAfter : 0,
        schedule.flushInterval * 32,
      );
      if (isChance) {
        const left = Math.max(1, dueBefore - at);
        expect(event.retryInMillis).toBe(asked > left ? Math.max(asked, schedule.flushInterval) : left);
      } else {
        const backoff = schedule.flushInterval * Math.min(2 ** (failures - 1), 32);
        expect(event.retryInMillis).toBe(Math.max(backoff, asked));
      }
      // What is left of a wait is reported as 1 ms at the least, also where its end is at this instant.
      const due = isChance && event.retryInMillis <= 1 ? dueBefore : at + event.retryInMillis;
      dueBefore = due;
      if (schedule.flushes.includes(at) || schedule.items.includes(at)) {
        isChanceUsed = undefined;
        continue; // At the same instant: before the failure or after it.
      }
      const flush = schedule.flushes.find((each) => each >= at && each <= due) ?? NEVER_COMES;
      const ending = schedule.end.at >= at ? schedule.end.at : NEVER_COMES;
      const without = Math.min(due, flush, ending);
      const chance: number | undefined =
        isChanceUsed === true ? NEVER_COMES : lastChanceAfter(schedule, { at, event }, asked);
      const next = trace.exports[settled]?.at;
      if (chance === undefined) {
        isChanceUsed = undefined;
        continue;
      }
      if (next === undefined) {
        expect(without).toBe(ending);
      } else if (isChanceUsed === undefined) {
        expect([without, Math.min(without, chance)]).toContain(next);
      } else {
        expect(next).toBe(Math.min(without, chance));
        isChanceUsed = chance === without ? undefined : isChanceUsed || chance < without;
      }
    }
  },
);

holds('5. a drop is told once, and reported once with the next success', (trace) => {
  const dropped = eventsOf(trace, 'dropped');
  dropped.reduce((total, { event }) => {
    expect(event.total).toBe(total + event.items);
    return event.total;
  }, 0);
  let since = 0;
  for (const { event } of trace.events) {
    if (event.type === 'dropped') {
      since += event.items;
    } else if (event.type === 'exported') {
      expect(event.droppedBefore).toBe(since);
      since = 0;
    }
  }
});

holds(
  '6. the drain ends within the export timeout, an export in flight when it starts having its own',
  (trace, schedule) => {
    expect(trace.shutdowns).toHaveLength(1);
    const { kind, at } = schedule.end;
    if (kind === 'unsubscribed') {
      expect(trace.shutdowns).toEqual([{ at, eventsBefore: trace.events.length }]);
      expect(trace.ended).toBeUndefined();
      expect(trace.events.every((each) => each.at <= at)).toBe(true);
      expect(trace.exports.every((each) => each.at <= at)).toBe(true);
      return;
    }
    const last = trace.exportsBeforeEnd - 1;
    const settledAt = settlements(trace)[last]?.at ?? at;
    const drainBegins = Math.max(at, settledAt);
    expect(drainBegins).toBeLessThanOrEqual(
      Math.max(at, (trace.exports[last]?.at ?? 0) + schedule.exportTimeout),
    );
    expect(trace.ended?.at).toBeLessThanOrEqual(drainBegins + schedule.exportTimeout);
    expect(trace.ended?.error).toEqual(kind === 'fails' ? new Error('source') : undefined);
    expect(trace.events.at(-1)?.event.type).toBe('drained');
    expect(trace.shutdowns[0].eventsBefore, 'shut down before that is told').toBe(trace.events.length - 1);
  },
);

holds(
  'one export at a time, none of them longer than its timeout, none left running',
  ({ exports }, { end, exportTimeout }) => {
    exports.forEach(({ at, releasedAt }, index) => {
      expect(releasedAt).toBeLessThanOrEqual(at + exportTimeout);
      expect(releasedAt).toBeLessThanOrEqual(exports[index + 1]?.at ?? Number.POSITIVE_INFINITY);
      if (end.kind === 'unsubscribed') {
        expect(releasedAt).toBeLessThanOrEqual(end.at);
      }
    });
  },
);

describe('8. an outage that ends before the buffer is full costs nothing', () => {
  const outages = fc.record({
    itemEvery: fc.integer({ min: 2, max: 50 }),
    flushEveryItems: fc.integer({ min: 1, max: 20 }),
    maxBuffered: fc.integer({ min: 1, max: 80 }),
    failsAfter: fc.integer({ min: 0, max: 49 }),
    answersAfter: fc.integer({ min: 0, max: 49 }),
    begins: fc.integer({ min: 0, max: 2_000 }),
    lasts: fc.integer({ min: 1, max: 4_000 }),
    phase: fc.integer({ min: 0, max: 49 }),
  });

  it('as long as attempts fail faster than items come', () => {
    let longWaits = 0;
    fc.assert(
      fc.property(outages, ({ itemEvery, flushEveryItems, maxBuffered, begins, lasts, phase, ...outage }) => {
        fc.pre(outage.failsAfter < itemEvery && outage.answersAfter < itemEvery);
        const scheduler = new VirtualTimeScheduler();
        scheduler.maxFrames = Number.POSITIVE_INFINITY;
        const ends = begins + lasts;
        const items = Math.ceil((ends + 40 * itemEvery * flushEveryItems) / itemEvery);
        let collected = 0;
        let delivered = 0;
        let undeliveredAtTheEnd = 0;
        let dropped = 0;
        let attempts = 0;
        timer(phase % itemEvery, itemEvery, scheduler)
          .pipe(
            take(items),
            map(() => ++collected),
            deliver<number>(
              () => ({
                export: () => {
                  const isDown = scheduler.now() >= begins && scheduler.now() < ends;
                  attempts += isDown ? 1 : 0;
                  return timer(isDown ? outage.failsAfter : outage.answersAfter, scheduler).pipe(
                    map(() => {
                      if (isDown) {
                        throw new Error('down');
                      }
                    }),
                  );
                },
              }),
              { flushIntervalMillis: itemEvery * flushEveryItems, maxBuffered, scheduler },
            ),
          )
          .subscribe((event) => {
            delivered += event.type === 'exported' ? event.items : 0;
            dropped += event.type === 'dropped' ? event.items : 0;
          });
        scheduler.schedule(() => {
          undeliveredAtTheEnd = collected - delivered;
        }, ends);
        scheduler.flush();
        // What does not fit between two flushes is dropped without any outage.
        fc.pre(flushEveryItems < maxBuffered && undeliveredAtTheEnd < maxBuffered);
        longWaits += attempts > 2 ? 1 : 0;
        expect([dropped, delivered]).toEqual([0, items]);
      }),
      runs(1_000),
    );
    if (!ARE_RUNS_FEWER) {
      expect(longWaits, 'outages of several attempts').toBeGreaterThan(50);
    }
  });

  it('with the defaults of the program: one of 45 seconds', () => {
    const scheduler = new VirtualTimeScheduler();
    scheduler.maxFrames = Number.POSITIVE_INFINITY;
    const isDown = () => scheduler.now() >= 100_000 && scheduler.now() < 145_000;
    let dropped = 0;
    let delivered = 0;
    timer(500, 1_000, scheduler)
      .pipe(
        take(300),
        deliver(() => ({ export: () => (isDown() ? throwError(() => new Error('down')) : of(undefined)) }), {
          scheduler,
        }),
      )
      .subscribe((event) => {
        delivered += event.type === 'exported' ? event.items : 0;
        dropped += event.type === 'dropped' ? event.items : 0;
      });
    scheduler.flush();
    expect([dropped, delivered]).toEqual([0, 300]);
  });
});

it.skipIf(ARE_RUNS_FEWER)('the random schedules reach what is easy to get wrong, often', () => {
  const reached = {
    drops: 0,
    dropsToldWithASuccess: 0,
    exportInFlightAtTheEnd: 0,
    drainOfSeveralExports: 0,
    failedBatchIntoAFullBuffer: 0,
    waitsAtTheirLongest: 0,
    lastChances: 0,
  };
  for (const schedule of fc.sample(schedules, runs(1_000))) {
    const trace = runSchedule(schedule);
    const { events, exports, exportsBeforeEnd } = trace;
    reached.drops += eventsOf(trace, 'dropped').length > 0 ? 1 : 0;
    reached.dropsToldWithASuccess += eventsOf(trace, 'exported').some(({ event }) => event.droppedBefore > 0)
      ? 1
      : 0;
    reached.exportInFlightAtTheEnd +=
      (settlements(trace)[exportsBeforeEnd - 1]?.at ?? 0) > schedule.end.at ? 1 : 0;
    reached.drainOfSeveralExports += exports.length > exportsBeforeEnd + 1 ? 1 : 0;
    reached.failedBatchIntoAFullBuffer += events.some(
      ({ event }, index) => event.type === 'failed' && events[index + 1]?.event.type === 'dropped',
    )
      ? 1
      : 0;
    reached.lastChances += eventsOf(trace, 'failed').some(
      ({ event }, index, all) =>
        index > 0 && event.failures === all[index - 1].event.failures && event.failures > 1,
    )
      ? 1
      : 0;
    reached.waitsAtTheirLongest += eventsOf(trace, 'failed').some(({ event }) => event.failures >= 7) ? 1 : 0;
  }
  console.log(JSON.stringify(reached));
  for (const [what, count] of Object.entries(reached)) {
    expect(count, what).toBeGreaterThan(10);
  }
});

describe('7. a sink that fails, hangs or throws leaves every other as it would have been without it', () => {
  it('over random pairs of schedules', () => {
    fc.assert(
      fc.property(schedules, schedules, fc.boolean(), (observed, neighbour, isFirst) => {
        const alone = pair(observed, undefined, isFirst);
        const beside = pair(observed, neighbour, isFirst);
        expect(beside).toEqual(alone);
      }),
      runs(1_000),
    );
  });

  /** The events of a sink that runs a schedule, beside one that runs another on the same source. */
  function pair(observed: Schedule, neighbour: Schedule | undefined, isFirst: boolean): unknown {
    const scheduler = new VirtualTimeScheduler();
    scheduler.maxFrames = Number.POSITIVE_INFINITY;
    const source = new Subject<number>();
    const events: unknown[] = [];
    const sinkOf = (schedule: Schedule) => {
      let attempt = 0;
      return deliver<number>(
        () => ({
          export: () => {
            const kind = schedule.responses[attempt++]?.kind ?? 'empty';
            switch (kind) {
              case 'throws':
                throw new Error('thrown');
              case 'hangs':
                return NEVER;
              case 'rejected':
              case 'split':
              case 'failed':
                return of<ExportResult<number>>({ status: kind, error: new Error(kind) });
              case 'errors':
                return throwError(() => new Error(kind));
              default:
                return EMPTY;
            }
          },
          shutdown: () => {
            throw new Error('thrown by shutdown');
          },
        }),
        {
          flushIntervalMillis: schedule.flushInterval,
          maxBuffered: schedule.maxBuffered,
          exportTimeoutMillis: schedule.exportTimeout,
          scheduler,
        },
      );
    };
    const observe = () =>
      source.pipe(sinkOf(observed)).subscribe((event) => events.push([scheduler.now(), event]));
    if (isFirst) {
      observe();
    }
    if (neighbour !== undefined) {
      source.pipe(sinkOf(neighbour)).subscribe();
    }
    if (!isFirst) {
      observe();
    }
    observed.items.forEach((at, index) => {
      scheduler.schedule(() => source.next(index + 1), at);
    });
    scheduler.schedule(() => source.complete(), observed.end.at);
    scheduler.flush();
    return events;
  }
});
