import { defer, type MonoTypeOperatorFunction, map } from 'rxjs';
import { type Collection, type SandboxRun, unlabelled } from '../shm/collection.js';

/**
 * Passes every collection on with only those rows whose sample the stream has not seen. A sample that did not change
 * since the last tick makes no row. A collection without new samples becomes an empty collection, so that the ticks keep
 * their rhythm.
 *
 * A sample is new if its run's last one has another time. After the clock was stepped back, samples are new, with their
 * own times. Runs are remembered as long as the reader of their registry keeps them. Each subscription of `collections`
 * has its own readers, and so its own runs: in a stream of two of them, or of one that was subscribed to again, every
 * sample is new twice.
 */
export function unseenSamples(): MonoTypeOperatorFunction<Collection> {
  return (source) =>
    defer(() => {
      const newestSeen = new WeakMap<SandboxRun, number>();
      return source.pipe(
        map((collection) =>
          collection.filter((run, sampledAtMillis) => {
            // A sample that was seen is not new because a label has changed.
            const key = unlabelled(run);
            const unseen = newestSeen.get(key) !== sampledAtMillis;
            if (unseen) {
              newestSeen.set(key, sampledAtMillis);
            }
            return unseen;
          }),
        ),
      );
    });
}
