import * as fc from 'fast-check';
import { EMPTY, NEVER, of, Subject, throwError, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import { DeliveryState } from '../../src/streams/delivery-state.js';
import type { ExportResult } from '../../src/streams/exporter.js';
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
        runs(1_000),
      );
    });

    it('over random schedules in which much happens at the same instant', () => {
      fc.assert(
        fc.property(coincidingSchedules, (schedule) => check(runSchedule(schedule), schedule)),
        runs(1_000),
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

holds(
  '4. after k failures in a row the next scheduled attempt comes interval x min(2^(k-1), 32) after the failure',
  (trace, schedule) => {
    let failures = 0;
    let settled = 0;
    for (const [index, { at, event }] of trace.events.entries()) {
      settled += isSettlement(event) ? 1 : 0;
      if (event.type === 'exported') {
        if (failures > 0) {
          expect(trace.events[index + 1]).toEqual({ at, event: { type: 'recovered', failures } });
        }
        failures = 0;
      }
      if (event.type !== 'failed') {
        continue;
      }
      failures++;
      expect(event.failures).toBe(failures);
      if (event.retryInMillis === undefined || event.retryInMillis === 0) {
        continue;
      }
      const backoff = schedule.flushInterval * Math.min(2 ** (failures - 1), 32);
      expect(event.retryInMillis).toBeGreaterThanOrEqual(backoff);
      expect(event.retryInMillis).toBeLessThanOrEqual(Math.max(backoff, schedule.flushInterval * 32));
      if (schedule.flushes.includes(at)) {
        continue; // At the same instant: before the failure or after it.
      }
      const due = at + event.retryInMillis;
      const asked = schedule.flushes.find((flush) => flush >= at && flush <= due) ?? Number.POSITIVE_INFINITY;
      const ending = schedule.end.at >= at ? schedule.end.at : Number.POSITIVE_INFINITY;
      const next = trace.exports[settled]?.at;
      const expected = Math.min(due, asked, ending);
      if (next === undefined) {
        expect(expected).toBe(ending);
      } else {
        expect(next).toBe(expected);
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

it.skipIf(ARE_RUNS_FEWER)('the random schedules reach what is easy to get wrong, often', () => {
  const reached = {
    drops: 0,
    dropsToldWithASuccess: 0,
    exportInFlightAtTheEnd: 0,
    drainOfSeveralExports: 0,
    failedBatchIntoAFullBuffer: 0,
    waitsAtTheirLongest: 0,
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
        {
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
        },
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

describe('the books of a sink balance at every instant', () => {
  const commands = fc.array(
    fc.oneof(
      fc.constant('hold' as const),
      fc.constant('flush' as const),
      fc.record({ take: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ settle: fc.constantFrom('delivered', 'remainder', 'rejected', 'split', 'failed') }),
    ),
    { maxLength: 60 },
  );

  it('collected = delivered + rejected + dropped + in flight + held, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), commands, (maxBuffered, steps) => {
        const state = new DeliveryState<number>(maxBuffered);
        let inFlight: readonly number[] | undefined;
        let collected = 0;
        for (const step of steps) {
          if (step === 'hold') {
            state.hold(++collected);
          } else if (step === 'flush') {
            state.flushAllHeld();
          } else if ('take' in step) {
            if (inFlight === undefined) {
              inFlight = state.takeBatch(() => step.take);
            }
          } else if (inFlight !== undefined) {
            state.settle(resultOf(step.settle, inFlight), 0, undefined);
            inFlight = undefined;
          }
          const { delivered, rejected, dropped } = state.totals;
          expect(state.totals.collected).toBe(collected);
          const out = inFlight?.length ?? 0;
          expect(delivered + rejected + dropped + out + state.heldCount).toBe(collected);
          expect(state.heldCount).toBeLessThanOrEqual(maxBuffered);
          expect(state.isExporting).toBe(inFlight !== undefined);
        }
      }),
      runs(2_000),
    );
  });

  function resultOf(kind: string, batch: readonly number[]): ExportResult<number> {
    const error = new Error(kind);
    return kind === 'delivered'
      ? { status: 'delivered' }
      : kind === 'remainder'
        ? { status: 'delivered', remainder: batch[batch.length - 1] }
        : { status: kind as 'rejected' | 'split' | 'failed', error };
  }
});
