import type { Cli } from './cli.js';
import { eventually } from './eventually.js';

/** Waits until a program that logs at `debug` has read all that was written before the call. */
export async function untilRead(run: Pick<Cli, 'stderr'>): Promise<void> {
  const writtenAt = Date.now();
  const readings = (): number =>
    [...run.stderr.matchAll(/^(\S+Z) .* collected /gmu)].filter(([, at]) => Date.parse(at) > writtenAt)
      .length;
  // By the times in the log, for its lines may come late: the second reading that ended after an instant began after it.
  await eventually(() => readings() >= 2, 'two readings');
}
