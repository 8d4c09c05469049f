import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LEAST_STATED_BYTES,
  learnFromSizeAcceptance,
  learnFromSizeRefusal,
  MAX_REQUEST_BYTES,
  NO_SIZE_LIMIT,
  type SizeLimit,
} from '../../../src/sinks/otlp/size-limit.js';
import { runs } from '../../support/runs.js';

/** Sends requests as large as allowed to a receiver that answers `accepts` or refuses; the size of each. */
function exchange(requests: number, accepts: (bytes: number, index: number) => boolean, stated?: number) {
  let limit: SizeLimit = NO_SIZE_LIMIT;
  const sizes: { bytes: number; accepted: boolean }[] = [];
  for (let index = 0; index < requests; index++) {
    const { bytes } = limit;
    const accepted = accepts(bytes, index);
    sizes.push({ bytes, accepted });
    limit = accepted ? learnFromSizeAcceptance(limit, bytes) : learnFromSizeRefusal(limit, bytes, stated);
  }
  return sizes;
}

describe('the size of requests', () => {
  it('is what the receiver states, less some, or half of what was refused', () => {
    expect(learnFromSizeRefusal(NO_SIZE_LIMIT, 3_000_000, 1_000_000).bytes).toBe(950_000);
    expect(learnFromSizeRefusal(NO_SIZE_LIMIT, 3_000_000, undefined).bytes).toBe(1_500_000);
    expect(learnFromSizeRefusal(NO_SIZE_LIMIT, 3_000_000, 3_000_000).bytes).toBe(1_500_000);
    expect(learnFromSizeRefusal(NO_SIZE_LIMIT, 3_000_000, LEAST_STATED_BYTES).bytes).toBe(62_259);
    expect(learnFromSizeRefusal(NO_SIZE_LIMIT, 3_000_000, LEAST_STATED_BYTES - 1).bytes).toBe(1_500_000);
    expect(learnFromSizeRefusal(NO_SIZE_LIMIT, 900, 1).bytes).toBe(450);
  });

  it('is back at its most after one absurd answer, within some tens of requests', () => {
    const sizes = exchange(200, (_, index) => index > 0, 1);
    expect(sizes[1].bytes).toBe(MAX_REQUEST_BYTES / 2);
    expect(sizes.at(-1)?.bytes).toBe(MAX_REQUEST_BYTES);
    let limit = learnFromSizeRefusal(NO_SIZE_LIMIT, 900, 1);
    let requests = 0;
    for (; limit.bytes < MAX_REQUEST_BYTES; requests++) {
      limit = learnFromSizeAcceptance(limit, limit.bytes);
    }
    expect(requests).toBeLessThan(120);
  });

  it('tries a real limit rarely, whether it is stated or not', () => {
    for (const stated of [undefined, 300_000]) {
      const sizes = exchange(2_000, (bytes) => bytes <= 300_000, stated);
      const refused = sizes.filter(({ accepted }) => !accepted).length;
      expect(refused).toBeLessThan(25);
      expect(
        sizes
          .slice(-100)
          .filter(({ accepted }) => accepted)
          .at(-1)?.bytes,
      ).toBeGreaterThan(100_000);
    }
  });

  it('doubles with the last of so many acceptances, each of half the limit or more', () => {
    let limit = learnFromSizeRefusal(NO_SIZE_LIMIT, 800_000, undefined);
    for (let accepted = 1; accepted < 8; accepted++) {
      limit = learnFromSizeAcceptance(limit, 200_000);
      expect(limit).toEqual({ bytes: 400_000, most: MAX_REQUEST_BYTES, accepted, patience: 8 });
    }
    expect(learnFromSizeAcceptance(limit, 200_000)).toEqual({
      bytes: 800_000,
      most: MAX_REQUEST_BYTES,
      accepted: 0,
      patience: 8,
    });
  });

  it('is not counted at its most', () => {
    expect(learnFromSizeAcceptance(NO_SIZE_LIMIT, MAX_REQUEST_BYTES)).toBe(NO_SIZE_LIMIT);
  });

  it('does not grow by requests that say nothing: those far below it', () => {
    const limit = learnFromSizeRefusal(NO_SIZE_LIMIT, 2_000_000, undefined);
    let after = limit;
    for (let index = 0; index < 100; index++) {
      after = learnFromSizeAcceptance(after, 400_000);
    }
    expect(after).toEqual(limit);
  });

  it('always gets below what was refused, and never above the most', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ accepted: fc.boolean(), stated: fc.option(fc.nat(5_000_000), { nil: undefined }) }),
          {
            maxLength: 60,
          },
        ),
        (answers) => {
          let limit = NO_SIZE_LIMIT;
          for (const { accepted, stated } of answers) {
            const { bytes } = limit;
            limit = accepted
              ? learnFromSizeAcceptance(limit, bytes)
              : learnFromSizeRefusal(limit, bytes, stated);
            expect(limit.bytes).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
            if (!accepted && bytes > 1) {
              expect(limit.bytes).toBeLessThan(bytes);
            }
          }
        },
      ),
      runs(1_000),
    );
  });
});
