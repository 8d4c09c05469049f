import type { SandboxRun } from '../shm/collection.js';

/** A function whose result for a run is made once, and kept as long as the run. */
export function onceARun<T extends object>(make: (run: SandboxRun) => T): (run: SandboxRun) => T {
  const known = new WeakMap<SandboxRun, T>();
  return (run) => {
    const before = known.get(run);
    if (before !== undefined) {
      return before;
    }
    const made = make(run);
    known.set(run, made);
    return made;
  };
}
