import * as fc from 'fast-check';
import { lastValueFrom, type SchedulerAction, type SchedulerLike, Subject, Subscription, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import { ARE_RUNS_FEWER, runs } from '../support/runs.js';

type Work = (this: SchedulerAction<unknown>, state?: unknown) => void;

/** An action whose time comes when fast-check says so, whatever its delay. */
class RacingAction extends Subscription implements SchedulerAction<unknown> {
  constructor(
    readonly scheduler: fc.Scheduler,
    readonly work: Work,
  ) {
    super();
  }

  schedule(state?: unknown): Subscription {
    void this.scheduler.schedule(Promise.resolve(), 'timer').then(() => {
      if (!this.closed) {
        this.work(state);
      }
    });
    return this;
  }
}

/** Time without order: flush intervals, waits and timeouts are up at any moment, before or after all else. */
const racing = (scheduler: fc.Scheduler): SchedulerLike => ({
  now: () => 0,
  schedule: (work: unknown, _delay?: number, state?: unknown) =>
    new RacingAction(scheduler, work as Work).schedule(state),
});

const settles = ({ type }: DeliveryEvent): boolean => type === 'exported' || type === 'failed';

/**
 * Exporters are promises, which settle in orders of their own, or never. fast-check's scheduler tries those orders:
 * what is collected, asked for, answered and timed out comes in any interleaving.
 */
describe('races of promises', () => {
  it('lose nothing, send nothing acknowledged again, and never overlap', async () => {
    const reached = { dropped: 0, timedOut: 0, recovered: 0, exportsBeforeEnd: 0, lost: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 6 }),
        fc.array(fc.constantFrom('acknowledged', 'acknowledged', 'refused', 'silent'), {
          maxLength: 12,
          size: 'max',
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 12 }),
        async (s, items, flushes, answers, batchSize, maxBuffered) => {
          const source$ = new Subject<number>();
          const flush$ = new Subject<void>();
          const batches: (readonly number[])[] = [];
          const trace: DeliveryEvent[] = [];
          let collected = 0;
          let overlaps = 0;
          const end = lastValueFrom(
            source$.pipe(
              tap(() => collected++),
              deliver<number>(
                () => ({
                  batchSize: (held) => Math.min(batchSize, held.length),
                  export: async (batch) => {
                    // Compared at the end: a sink takes what its exporter throws for a failed export.
                    overlaps += trace.filter(settles).length === batches.length ? 0 : 1;
                    batches.push(batch);
                    const answer = answers[batches.length - 1] ?? 'acknowledged';
                    await (answer === 'silent'
                      ? new Promise(() => {})
                      : s.schedule(Promise.resolve(), `export ${batches.length}`));
                    if (answer === 'refused') {
                      throw new Error('refused');
                    }
                  },
                }),
                { flushIntervalMillis: 1_000, flush$, maxBuffered, scheduler: racing(s) },
              ),
              tap((event) => trace.push(event)),
            ),
          );
          s.scheduleSequence([
            ...Array.from({ length: items }, (_, index) => async () => source$.next(index + 1)),
            async () => {
              reached.exportsBeforeEnd += batches.length > 1 ? 1 : 0;
              source$.complete();
            },
          ]);
          s.scheduleSequence(Array.from({ length: flushes }, () => async () => flush$.next()));
          await s.waitFor(end);

          const settled = trace.filter(settles);
          const acknowledged = batches.filter((_, index) => settled[index]?.type === 'exported').flat();
          const dropped = trace.reduce((sum, event) => sum + (event.type === 'dropped' ? event.items : 0), 0);
          const drained = trace.at(-1) as DeliveryEvent & { type: 'drained' };
          expect(drained.type).toBe('drained');
          expect(overlaps).toBe(0);
          expect(settled).toHaveLength(batches.length);
          expect(acknowledged).toEqual([...new Set(acknowledged)].sort((a, b) => a - b));
          expect(acknowledged.length + dropped + drained.lost).toBe(collected);
          expect(collected).toBe(items);

          reached.dropped += dropped > 0 ? 1 : 0;
          reached.timedOut += trace.some(
            (event) => event.type === 'failed' && /no answer/u.test(event.error.message),
          )
            ? 1
            : 0;
          reached.recovered += trace.some(({ type }) => type === 'recovered') ? 1 : 0;
          reached.lost += drained.lost > 0 ? 1 : 0;
        },
      ),
      runs(1_000),
    );
    console.log(JSON.stringify(reached));
    if (ARE_RUNS_FEWER) {
      return;
    }
    for (const [what, count] of Object.entries(reached)) {
      expect(count, what).toBeGreaterThan(20);
    }
  });
});
