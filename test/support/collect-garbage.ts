import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects all garbage, also what was made in this turn. */
export async function collectGarbage(): Promise<void> {
  // A reference can be collected only after the turn in which it was made.
  await new Promise((resolve) => setTimeout(resolve));
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  // V8 frees the bytes of buffers on another thread; a second collection begins by waiting for it.
  gc();
}
