import { setTimeout } from 'node:timers/promises';

/**
 * What a promise gives within a time, else what `late` gives.
 *
 * @param millis how long to wait at most
 */
export async function within<T, U>(millis: number, promise: Promise<T>, late: () => U): Promise<T | U> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      promise,
      setTimeout(Math.max(0, millis), undefined, { signal: timer.signal }).then(late),
    ]);
  } finally {
    timer.abort();
  }
}
