import { describe, expect, it } from 'vitest';
import { judgeLiveness, type Liveness, UNSEEN_PROCESS_MILLIS } from '../../src/shm/liveness.js';

/** Plays readings of one run: the time of each, the time of its sample, and whether its process exists. */
function play(readings: readonly (readonly [now: number, sampledAt: number, exists: boolean])[]) {
  let liveness: Liveness | undefined;
  let asked = 0;
  const live = readings.map(([now, sampledAt, exists]) => {
    const judged = judgeLiveness(liveness, sampledAt, now, () => {
      asked++;
      return exists;
    });
    liveness = judged.liveness;
    return judged.isLive;
  });
  return { live, asked };
}

describe('a row', () => {
  it('is live at first sight if its process exists', () => {
    expect(play([[0, 1, true]]).live).toEqual([true]);
    expect(play([[0, 1, false]]).live).toEqual([false]);
  });

  it('is live while its process exists, although its sample stands still', () => {
    expect(
      play([
        [0, 1, true],
        [1_000, 1, true],
        [90_000, 1, true],
      ]).live,
    ).toEqual([true, true, true]);
  });

  it('ends at the next reading after its process is gone, after a last new sample', () => {
    expect(
      play([
        [0, 1, true],
        [1_000, 2, false],
        [2_000, 2, false],
        [3_000, 2, false],
      ]).live,
    ).toEqual([true, true, false, false]);
  });

  it('of a process that cannot be seen is live once its sample advances, until it has stood still for 5 s', () => {
    const stands = UNSEEN_PROCESS_MILLIS;
    expect(
      play([
        [0, 1, false],
        [1_000, 2, false],
        [2_000, 2, false],
        [1_000 + stands - 1, 2, false],
        [1_000 + stands, 2, false],
        [20_000, 3, false],
      ]).live,
    ).toEqual([false, true, true, true, false, true]);
  });

  it('is live with a sample that was taken before the last one: the clock was stepped back', () => {
    expect(
      play([
        [5_000, 5_000, false],
        [1_000, 1_000, false],
      ]).live,
    ).toEqual([false, true]);
  });

  it('is asked about only while its sample stands still', () => {
    expect(
      play([
        [0, 1, true],
        [1_000, 2, true],
        [2_000, 3, true],
        [3_000, 3, true],
      ]).asked,
    ).toBe(2);
  });

  it('whose process was seen later ends at once, too', () => {
    expect(
      play([
        [0, 1, false],
        [1_000, 2, false],
        [2_000, 2, true],
        [2_500, 2, false],
      ]).live,
    ).toEqual([false, true, true, false]);
  });
});
