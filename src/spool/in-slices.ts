import { setImmediate } from 'node:timers/promises';

/** How long work may hold up all else at a time, ms. */
const SLICE_MILLIS = 5;

/**
 * Does work that would take long at once in slices, with time for all else between them.
 *
 * @param work yields wherever it may be interrupted, every millisecond or so
 * @param nowMillis a clock that only goes forward. Default: the system's.
 */
export async function inSlices<T>(
  work: Generator<void, T>,
  nowMillis: () => number = () => performance.now(),
): Promise<T> {
  let began = nowMillis();
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) {
      return step.value;
    }
    if (nowMillis() - began >= SLICE_MILLIS) {
      await setImmediate();
      began = nowMillis();
    }
  }
}
