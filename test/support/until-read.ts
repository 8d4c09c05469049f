import { eventually } from './eventually.js';

/**
 * Waits until a program has read all that was written before the call.
 *
 * @param log what it has logged so far, at `debug`
 */
export async function untilRead(log: () => string): Promise<void> {
  const writtenAt = Date.now();
  const readings = (): number =>
    [...log().matchAll(/^(\S+Z) .* collected /gmu)].filter(([, at]) => Date.parse(at) > writtenAt).length;
  // By the times in the log, for its lines may come late: the second reading that ended after an instant began after it.
  await eventually(() => readings() >= 2, 'two readings');
}
