import * as fc from 'fast-check';
import { lastValueFrom, Subject, tap, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/streams/deliver.js';
import { runs } from '../support/runs.js';

/**
 * Exporters are promises, which settle in orders of their own. fast-check's scheduler tries those orders: what is
 * collected, asked for and answered comes in any interleaving, and the end at any time.
 */
describe('races of promises', () => {
  it('lose nothing, send nothing acknowledged again, and never overlap', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 6 }),
        fc.array(fc.boolean(), { maxLength: 10 }),
        fc.integer({ min: 1, max: 4 }),
        async (s, items, flushes, successes, batchSize) => {
          const source$ = new Subject<number>();
          const flush$ = new Subject<void>();
          const acknowledged: number[] = [];
          let collected = 0;
          let running = 0;
          let mostRunning = 0;
          let attempts = 0;
          const events = lastValueFrom(
            source$.pipe(
              tap(() => collected++),
              deliver<number>(
                {
                  batchSize: (held) => Math.min(batchSize, held.length),
                  export: async (batch) => {
                    running++;
                    // Compared at the end: a sink takes what its exporter throws for a failed export.
                    mostRunning = Math.max(mostRunning, running);
                    const success = successes[attempts++] ?? true;
                    await s.schedule(Promise.resolve(), `export ${attempts}`);
                    running--;
                    if (!success) {
                      throw new Error('refused');
                    }
                    acknowledged.push(...batch);
                  },
                },
                { flushIntervalMillis: 60_000, flush$, maxBuffered: 100 },
              ),
              toArray(),
            ),
          );
          s.scheduleSequence(
            Array.from({ length: items }, (_, index) => async () => source$.next(index + 1)),
          );
          s.scheduleSequence(Array.from({ length: flushes }, () => async () => flush$.next()));
          void s.schedule(Promise.resolve(), 'end').then(() => source$.complete());
          const trace = await s.waitFor(events);

          const accountedFor = trace.reduce(
            (sum, event) =>
              sum + (event.type === 'exported' ? event.items : event.type === 'drained' ? event.lost : 0),
            0,
          );
          expect(mostRunning).toBeLessThanOrEqual(1);
          expect(acknowledged).toEqual(acknowledged.map((_, index) => index + 1));
          expect(accountedFor).toBe(collected);
          const drained = trace.at(-1);
          expect(drained?.type).toBe('drained');
          expect(acknowledged.length).toBe(collected - (drained?.type === 'drained' ? drained.lost : 0));
        },
      ),
      runs(1_000),
    );
  });
});
