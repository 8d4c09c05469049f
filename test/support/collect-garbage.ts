import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects all garbage, also what was made in this turn. */
export async function collectGarbage(): Promise<void> {
  // A reference can be collected only after the turn in which it was made.
  await new Promise((resolve) => setTimeout(resolve));
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
