import { stdoutSink } from '../../index.js';
import { requireSharedMemory } from '../../shm/posix.js';
import { healthObservers } from '../health-observers.js';
import { readCollectOptions } from '../options/collect-options.js';
import { readDeliveryOptions } from '../options/delivery-options.js';
import { run } from '../run.js';
import { openStdout } from '../stdout-stream.js';
import type { CommandContext } from './context.js';
import { printOnce } from './print-once.js';
import { warnOfSmallBuffer } from './small-buffer.js';

/** Prints sandboxes until a signal, or once. */
export async function runStdout({ options, environment, signals, log }: CommandContext): Promise<number> {
  const collect = readCollectOptions(options);
  const delivery = readDeliveryOptions(options);
  const format = options.word('format', ['text', 'json']);
  requireSharedMemory();
  const stream = openStdout();
  if (options.switch('once')) {
    return printOnce(collect, { stream, format }, signals, log);
  }
  warnOfSmallBuffer(collect, delivery, log);
  const observers = await healthObservers(undefined, collect, environment, log, signals);
  return run(
    {
      ...collect,
      observers,
      sinks: { stdout: (flush$) => stdoutSink({ ...delivery, stream, format, flush$ }) },
    },
    signals,
    log,
  );
}
