import { describe, expect, it } from 'vitest';
import { flushCadence } from '../../src/streams/flush-cadence.js';
import { marbles } from '../support/marbles.js';

const values = { s: 'scheduled', e: 'explicit' };

describe('flushCadence', () => {
  it('emits at every interval, the first after one', () => {
    marbles(({ expectObservable }, scheduler) => {
      const cadence = flushCadence({ flushIntervalMillis: 3, scheduler });
      expectObservable(cadence, '          ----------!').toBe('---s--s--s', values);
    });
  });

  it('emits at once when asked, without moving the scheduled ones', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }, scheduler) => {
      const flush$ = hot('                       -x--x-----');
      const cadence = flushCadence({ flushIntervalMillis: 3, flush$, scheduler });
      expectObservable(cadence, '                ^---------!').toBe('-e-se-s--s', values);
      expectSubscriptions(flush$.subscriptions).toBe('^---------!');
    });
  });

  it('goes on when the requests complete', () => {
    marbles(({ hot, expectObservable }, scheduler) => {
      const cadence = flushCadence({ flushIntervalMillis: 3, flush$: hot('-x|'), scheduler });
      expectObservable(cadence, '^------!').toBe('-e-s--s', values);
    });
  });

  it.each([0, -5, Number.NaN, 67_108_864])('refuses an interval of %d', (flushIntervalMillis) => {
    expect(() => flushCadence({ flushIntervalMillis })).toThrowError(
      `flushIntervalMillis: expected 1 to 67108863 milliseconds, got ${flushIntervalMillis}`,
    );
  });
});
