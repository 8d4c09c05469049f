import { defer, EMPTY } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { backoffMillis, retryWithBackoff } from '../../src/streams/backoff.js';
import { marbles } from '../support/marbles.js';

describe('backoffMillis', () => {
  it('is the base times 1, 2, 4, ... 32, and 32 from then on', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 60, 2_000].map((failures) => backoffMillis(10, failures))).toEqual([
      10, 20, 40, 80, 160, 320, 320, 320, 320,
    ]);
  });

  it('is no shorter than what the receiver asks for, which counts up to 32 times the base', () => {
    expect([0, 15, 25, 320, 321, 1e12].map((asked) => backoffMillis(10, 2, asked))).toEqual([
      20, 20, 25, 320, 320, 320,
    ]);
  });
});

describe('retryWithBackoff', () => {
  it('subscribes again after 1, 2, 4 times the base', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('#');
      const unsub = '      ---------------!';
      expectObservable(source.pipe(retryWithBackoff({ baseMillis: 2, scheduler })), unsub).toBe(
        '---------------',
      );
      expectSubscriptions(source.subscriptions).toBe([
        '                  (^!)',
        '                  --(^!)',
        '                  ------(^!)',
        '                  --------------(^!)',
      ]);
    });
  });

  it('begins anew after a value', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      let attempts = 0;
      const failing = cold('  #');
      const succeeding = cold('a#');
      const source = defer(() => (++attempts === 3 ? succeeding : failing));
      expectObservable(source.pipe(retryWithBackoff({ baseMillis: 2, scheduler })), '----------!').toBe(
        '------a---',
      );
      // Attempts at 0, 2, 6 (a value, then a failure at 7), 9.
      expectSubscriptions(failing.subscriptions).toBe(['(^!)', '--(^!)', '---------(^!)']);
    });
  });

  it('counts on through values that are no success', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('(n#)');
      const actual = source.pipe(
        retryWithBackoff<string>({ baseMillis: 1, isSuccess: () => false, scheduler }),
      );
      expectObservable(actual, '     --------!').toBe('nn-n---n');
      expectSubscriptions(source.subscriptions).toBe(['(^!)', '-(^!)', '---(^!)', '-------(^!)']);
    });
  });

  it('does not wait when told to try now, and counts that failure too', () => {
    marbles(({ cold, hot, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('    #');
      const attemptNow$ = hot('-x------');
      const actual = source.pipe(retryWithBackoff({ baseMillis: 3, attemptNow$, scheduler }));
      expectObservable(actual, '--------!').toBe('--------');
      expectSubscriptions(source.subscriptions).toBe(['(^!)', '-(^!)', '-------(^!)']);
      expectSubscriptions(attemptNow$.subscriptions).toBe(['^!', '-^-----!', '-------^!']);
    });
  });

  it('completes when told to give up in a wait, and lets the source go on otherwise', () => {
    marbles(({ cold, hot, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold(' #');
      const giveUp$ = hot(' --x');
      expectObservable(source.pipe(retryWithBackoff({ baseMillis: 5, giveUp$, scheduler }))).toBe('--|');
      expectSubscriptions(giveUp$.subscriptions).toBe('^-!');
      expectObservable(
        cold('----a|').pipe(retryWithBackoff({ baseMillis: 5, giveUp$: hot('x'), scheduler })),
      ).toBe('----a|');
    });
  });

  it('waits as long as an error asks', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('#');
      const actual = source.pipe(retryWithBackoff({ baseMillis: 1, retryAfterMillis: () => 4, scheduler }));
      expectObservable(actual, '------!').toBe('------');
      expectSubscriptions(source.subscriptions).toBe(['(^!)', '----(^!)']);
    });
  });

  it('passes a source that does not fail on as it is', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('a-b-|');
      expectObservable(source.pipe(retryWithBackoff({ baseMillis: 1, scheduler }))).toBe('a-b-|');
      expectSubscriptions(source.subscriptions).toBe('^---!');
      expectObservable(EMPTY.pipe(retryWithBackoff({ baseMillis: 1, scheduler }))).toBe('|');
    });
  });

  it('keeps the counts of its subscribers apart', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const source = cold('#');
      const retried = source.pipe(retryWithBackoff({ baseMillis: 3, scheduler }));
      expectObservable(retried, '----!').toBe('----');
      expectObservable(retried, '----!').toBe('----');
      expectSubscriptions(source.subscriptions).toBe(['(^!)', '(^!)', '---(^!)', '---(^!)']);
    });
  });

  it.each([0, Number.NaN, 67_108_864])('refuses a base of %d', (baseMillis) => {
    expect(() => retryWithBackoff({ baseMillis })).toThrowError(
      'baseMillis: expected 1 to 67108863 milliseconds',
    );
  });
});
