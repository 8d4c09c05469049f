import { asyncScheduler } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deadline } from '../../../src/streams/delivery/deadline.js';
import { marbles } from '../../support/marbles.js';

describe('a deadline', () => {
  it('comes when the time is up, once', () => {
    marbles(({ expectObservable }, scheduler) => {
      expectObservable(deadline(5, scheduler)).toBe('-----(x|)', { x: undefined });
    });
  });

  describe('after a freeze', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    /** Sets the clock ahead while the timers stand still, as a stopped process finds it. */
    const freeze = (millis: number): void => {
      vi.setSystemTime(Date.now() + millis);
    };
    const watch = () => {
      const seen: number[] = [];
      const begin = Date.now();
      deadline(1_000, asyncScheduler).subscribe(() => seen.push(Date.now() - begin));
      return seen;
    };

    it('gives what has arrived a second to be read', () => {
      const seen = watch();
      freeze(60_000);
      vi.advanceTimersByTime(1_000);
      expect(seen).toEqual([]);
      vi.advanceTimersByTime(999);
      expect(seen).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(seen).toEqual([62_000]);
    });

    it.each([0, 100])('of %i ms does not wait', (millis) => {
      const seen = watch();
      freeze(millis);
      vi.advanceTimersByTime(1_001);
      expect(seen).toHaveLength(1);
    });
  });
});
