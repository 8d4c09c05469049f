import { describe, expect, it } from 'vitest';
import { askedWaitMillis, backoffMillis } from '../../src/streams/backoff.js';

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

describe('askedWaitMillis', () => {
  it('is what the receiver asked for, at most 32 times the base, and 0 for what is no wait', () => {
    expect([5, 320, 321, 1e12, 0, -1, Number.NaN].map((asked) => askedWaitMillis(10, asked))).toEqual([
      5, 320, 320, 320, 0, 0, 0,
    ]);
  });
});
