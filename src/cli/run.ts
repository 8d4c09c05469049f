import { merge, Subject } from 'rxjs';
import {
  type CollectorEvent,
  type CollectorOptions,
  ExportError,
  findRegistries,
  LostCollectionsError,
  type RunningCollector,
  registryName,
  startCollector,
} from '../index.js';
import { exitAfterOutput } from './exit.js';
import { EXIT } from './exit-status.js';
import type { ServiceEvent } from './health/health.js';
import { type HealthObserver, healthOf } from './health/health-of.js';
import type { Log, LogFields } from './log.js';
import { Reporter } from './report.js';
import type { StopSignals } from './signals.js';

const TARGET = 'msb_metrics';

/** Options of {@link run}. */
export interface RunOptions extends CollectorOptions {
  /** Where the sinks deliver to, as fields of the log, by the sink's name. Without secrets. Default: none. */
  readonly destinations?: Readonly<Record<string, LogFields>>;
  /** Collections that an earlier process has left in the spool. Default: none. */
  readonly waiting?: number | undefined;
  /** Observe the health of the service until its end. Default: none. */
  readonly observers?: readonly HealthObserver[];
  /** Looks for registries of other homes and returns whether it warned of one. Default: none. */
  readonly noticeOtherHomes?: (() => boolean) | undefined;
}

/**
 * Runs a collector until the first signal to stop, then drains it. A second signal exits at once.
 *
 * @returns the exit status
 */
export async function run(options: RunOptions, signals: StopSignals, log: Log): Promise<number> {
  const { destinations = {}, observers = [] } = options;
  const stopping$ = new Subject<ServiceEvent>();
  const collector = startCollector(options);
  const reporter = new Reporter(log, {
    msbHome: options.msbHome,
    findRegistries,
    destinations,
    noticeOtherHomes: options.noticeOtherHomes,
  });
  collector.events$.subscribe((event) => {
    if (isBrokenPipe(event)) {
      void exitAfterOutput(EXIT.clean);
    }
    reporter.report(event);
  });
  const destination = Object.assign({}, ...Object.values(destinations)) as LogFields;
  log('info', TARGET, 'collecting', {
    msb_home: options.msbHome,
    registry: registryName(options.msbHome, 3),
    sinks: Object.keys(options.sinks).join(','),
    ...destination,
  });
  for (const observe of observers) {
    observe(healthOf(merge(collector.events$, stopping$), options.waiting));
  }
  const drain = () => {
    stopping$.next({ type: 'stopping' });
    stopping$.complete();
    return drained(collector, reporter, destination, log);
  };
  return Promise.race([stopOnSignal(drain, signals, log), stopOnFault(drain, log)]);
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

/** Exit statuses of a second signal: 128 and its number. */
const STATUS_OF_SIGNAL: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

async function stopOnSignal(drain: () => Promise<number>, signals: StopSignals, log: Log): Promise<number> {
  const signal = await signals.next();
  log('info', TARGET, `${signal}: draining; once more to exit at once`);
  void signals.next().then((second) => exitAfterOutput(STATUS_OF_SIGNAL[second] ?? EXIT.lost));
  return drain();
}

/** An error that nothing has caught is logged, and what is held gets its last attempt. */
async function stopOnFault(drain: () => Promise<number>, log: Log): Promise<number> {
  const fault = await new Promise<unknown>((resolve) => {
    process.on('uncaughtException', resolve);
    process.on('unhandledRejection', resolve);
  });
  log('error', TARGET, 'unexpected error, draining', {
    error: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault),
  });
  await drain();
  return EXIT.lost;
}

async function drained(
  collector: RunningCollector,
  reporter: Reporter,
  destination: LogFields,
  log: Log,
): Promise<number> {
  try {
    await collector.shutdown();
    log('info', TARGET, 'stopped', {
      collections_dropped: reporter.dropped,
      collections_lost: 0,
      collections_spooled: reporter.spooled,
    });
    return EXIT.clean;
  } catch (error) {
    const isLoss = error instanceof LostCollectionsError;
    log('error', TARGET, isLoss ? 'stopped, the last export failed' : 'stopped', {
      error: isLoss ? error.cause.message : (error as Error).message,
      collections_dropped: reporter.dropped,
      collections_lost: isLoss ? error.lost : undefined,
      ...destination,
      remedy: isLoss && error.cause instanceof ExportError ? error.cause.remedy : undefined,
    });
    return EXIT.lost;
  }
}
