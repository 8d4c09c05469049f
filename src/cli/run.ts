import {
  type CollectorEvent,
  type CollectorOptions,
  LostCollectionsError,
  type RunningCollector,
  registryName,
  startCollector,
} from '../index.js';
import type { Log } from './log.js';
import { Reporter } from './report.js';
import type { StopSignals } from './signals.js';

const TARGET = 'msb_metrics';

/** Exit statuses of a run. */
export const EXIT = { clean: 0, lost: 1, usage: 2 } as const;

/**
 * Runs a collector until the first signal to stop, then drains it. A second signal exits at once.
 *
 * @returns the exit status
 */
export async function run(options: CollectorOptions, signals: StopSignals, log: Log): Promise<number> {
  const collector = startCollector(options);
  const reporter = new Reporter(log);
  collector.events$.subscribe((event) => {
    if (isBrokenPipe(event)) {
      process.exit(EXIT.clean);
    }
    reporter.report(event);
  });
  log('info', TARGET, 'collecting', {
    msb_home: options.msbHome,
    registry: registryName(options.msbHome, 3),
    sinks: Object.keys(options.sinks).join(','),
  });
  return Promise.race([stopOnSignal(collector, signals, log), stopOnFault(collector, log)]);
}

/** Whether the reader of standard output has gone, as `head` does: the end of the work, not a failure. */
function isBrokenPipe(event: CollectorEvent): boolean {
  return (
    event.type === 'delivery' &&
    event.event.type === 'failed' &&
    (event.event.error as NodeJS.ErrnoException).code === 'EPIPE' &&
    event.sink === 'stdout'
  );
}

async function stopOnSignal(collector: RunningCollector, signals: StopSignals, log: Log): Promise<number> {
  const signal = await signals.next();
  log('info', TARGET, `${signal}: draining; once more to exit at once`);
  void signals.next().then((second) => process.exit(second === 'SIGINT' ? 130 : 143));
  return drain(collector, log);
}

/** Should an error escape all the same: logged, and what is held gets its last attempt. */
async function stopOnFault(collector: RunningCollector, log: Log): Promise<number> {
  const fault = await new Promise<unknown>((resolve) => {
    process.on('uncaughtException', resolve);
    process.on('unhandledRejection', resolve);
  });
  log('error', TARGET, 'unexpected error, draining', {
    error: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault),
  });
  await drain(collector, log);
  return EXIT.lost;
}

async function drain(collector: RunningCollector, log: Log): Promise<number> {
  try {
    await collector.shutdown();
    log('info', TARGET, 'stopped');
    return EXIT.clean;
  } catch (error) {
    if (error instanceof LostCollectionsError) {
      // Why is in the lines of the sinks.
      log('error', TARGET, 'stopped, the last export failed', { lost: error.lost });
    } else {
      log('error', TARGET, 'stopped', { error: (error as Error).message });
    }
    return EXIT.lost;
  }
}
