/**
 * The times of the sidecar's own metrics: they always grow, by at least a millisecond, whatever the clock does. Receivers refuse
 * a second value for the same time, and one for an earlier time.
 *
 * @param startedAtMillis the earliest, Unix ms
 * @returns a function from the clock's time to the one to send, Unix ms
 */
export function growingTime(startedAtMillis: number): (nowMillis: number) => number {
  let lastMillis = startedAtMillis - 1;
  return (nowMillis) => {
    lastMillis = Math.max(nowMillis, lastMillis + 1);
    return lastMillis;
  };
}
