import { setTimeout } from 'node:timers/promises';
import { exitAtOnce } from '../shm/posix.js';

/** How long the reader of standard error may hold up the end, ms. */
const MAX_MILLIS = 1_000;

const STEP_MILLIS = 10;

/**
 * Ends the process, without waiting for the threads of Node, as soon as all that was logged is written. Standard output is
 * the sink's: its drain has waited for it.
 */
export async function exitAfterOutput(status: number): Promise<never> {
  for (let waited = 0; process.stderr.writableLength > 0 && waited < MAX_MILLIS; waited += STEP_MILLIS) {
    await setTimeout(STEP_MILLIS);
  }
  return exitAtOnce(status);
}
