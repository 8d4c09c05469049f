import { defer, type MonoTypeOperatorFunction, map } from 'rxjs';
import type { Collection, SandboxRun } from '../shm/collection.js';

/**
 * Passes every collection on with only those rows whose sample the stream has not seen: a tick that finds a
 * sandbox's sample unchanged adds no row for it. A collection in which nothing is new comes out empty, so that the
 * rhythm of the ticks is kept.
 *
 * What counts is the time of the sample, by run. A clock stepped back makes new samples, with their own times.
 * Runs are remembered for as long as their registry's reader keeps them; forgetting is the garbage collector's. Each
 * subscription to `collections` has readers, and so runs, of its own: to two of them in one stream everything is new
 * twice, and so it is to one that was subscribed to again.
 */
export function unseenSamples(): MonoTypeOperatorFunction<Collection> {
  return (source) =>
    defer(() => {
      const newestSeen = new WeakMap<SandboxRun, number>();
      return source.pipe(
        map((collection) =>
          collection.filter((run, sampledAtMillis) => {
            const unseen = newestSeen.get(run) !== sampledAtMillis;
            if (unseen) {
              newestSeen.set(run, sampledAtMillis);
            }
            return unseen;
          }),
        ),
      );
    });
}
