import { describe, expect, it } from 'vitest';
import { inSlices } from '../../src/spool/in-slices.js';

/** Work of so many steps, and how many of them were done at once, without time for anything else between them. */
async function slicesOf(steps: number, millisAStep: number): Promise<number[]> {
  let now = 0;
  const slices = [0];
  const watch = (): void => {
    slices.push(0);
    watching = setImmediate(watch);
  };
  let watching = setImmediate(watch);
  const work = function* (): Generator<void, string> {
    for (let step = 0; step < steps; step++) {
      now += millisAStep;
      slices[slices.length - 1]++;
      yield;
    }
    return 'done';
  };
  expect(await inSlices(work(), () => now)).toBe('done');
  clearImmediate(watching);
  return slices.filter((count) => count > 0);
}

describe('work in slices', () => {
  it('is interrupted every 5 ms', async () => {
    expect(await slicesOf(100, 1)).toEqual(Array.from({ length: 20 }, () => 5));
    expect(await slicesOf(3, 50)).toEqual([1, 1, 1]);
  });

  it('is not interrupted where it is short', async () => {
    expect(await slicesOf(4, 1)).toEqual([4]);
    expect(await slicesOf(0, 1)).toEqual([]);
  });

  it('fails as it fails', async () => {
    const work = function* (): Generator<void, void> {
      yield;
      throw new RangeError('broken');
    };
    await expect(inSlices(work())).rejects.toThrow('broken');
  });
});
