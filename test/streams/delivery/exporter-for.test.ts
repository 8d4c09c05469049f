import { asyncScheduler, NEVER, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { exporterFor } from '../../../src/streams/delivery/exporter-for.js';

/** How the shutdown of an exporter looks to those who wait for it. */
function shuttingDown(shutdown: () => never | unknown) {
  let calls = 0;
  const exporter = {
    export: () => NEVER,
    shutdown: () => {
      calls++;
      return shutdown() as never;
    },
  };
  const { shutdown$ } = exporterFor(() => exporter, asyncScheduler);
  const ends: string[] = [];
  const wait = () =>
    shutdown$.subscribe({ error: () => ends.push('error'), complete: () => ends.push('complete') });
  return { wait, ends, calls: () => calls };
}

describe('the shutdown of an exporter', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['fails', () => throwError(() => new Error('no'))],
    ['gives nothing', () => undefined],
  ])('is over, and no error, where it %s', (_, shutdown) => {
    const { wait, ends } = shuttingDown(shutdown);
    wait();
    expect(ends).toEqual(['complete']);
  });

  it('happens once: for one who comes after its end, and for one who comes after all have gone', () => {
    const ended = shuttingDown(() => undefined);
    ended.wait();
    ended.wait();
    expect([ended.calls(), ended.ends]).toEqual([1, ['complete', 'complete']]);
    const pending = shuttingDown(() => NEVER);
    pending.wait().unsubscribe();
    pending.wait();
    expect([pending.calls(), pending.ends]).toEqual([1, []]);
  });
});
