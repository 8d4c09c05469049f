import { exitAfterOutput } from './exit.js';
import { EXIT } from './exit-status.js';
import type { Log } from './log.js';
import type { StopSignals } from './signals.js';

/**
 * Waits for a part of the start that may take long, such as a name server that is silent. A signal meanwhile ends the process at
 * once: nothing was collected.
 */
export async function unlessStopped<T>(starting: Promise<T>, signals: StopSignals, log: Log): Promise<T> {
  const outcome = await signals.nextDuring(starting);
  if ('started' in outcome) {
    return outcome.started;
  }
  log('info', 'msb_metrics', `${outcome.signal}: stopped before anything was collected`);
  return exitAfterOutput(EXIT.clean);
}
