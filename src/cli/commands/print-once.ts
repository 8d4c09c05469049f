import { lastValueFrom, of } from 'rxjs';
import { type Collection, type CollectionsOptions, type StdoutSinkOptions, stdoutSink } from '../../index.js';
import { CATALOG_TARGET, CATALOG_WELL, watchCatalog } from '../catalog-watch.js';
import { EXIT } from '../exit-status.js';
import { firstReading } from '../first-reading.js';
import type { Log } from '../log.js';
import { logRecords } from '../registry-watch.js';
import type { StopSignals } from '../signals.js';

/**
 * Prints one reading.
 *
 * @returns the exit status
 */
export async function printOnce(
  collect: CollectionsOptions,
  sink: StdoutSinkOptions,
  signals: StopSignals,
  log: Log,
): Promise<number> {
  const collection = await Promise.race([firstReading(collect), signals.next()]);
  if (typeof collection === 'string') {
    return EXIT.lost;
  }
  const { registries } = collection;
  for (const { message } of registries.filter((registry) => registry.message !== '')) {
    log('warn', 'msb_metrics::shm', message);
  }
  if (!registries.some(({ state }) => state === 'attached' || state === 'unlinked')) {
    log('error', 'msb_metrics::shm', 'no registry could be read: msb-metrics check says more', {
      msb_home: collect.msbHome,
      looked_for: registries.map(({ name }) => name).join(', '),
    });
    return EXIT.lost;
  }
  const [, records] = watchCatalog({ ...CATALOG_WELL, wasBusy: true }, collection);
  logRecords(log, CATALOG_TARGET, records);
  return print(collection, sink, log);
}

async function print(collection: Collection, sink: StdoutSinkOptions, log: Log): Promise<number> {
  const end = await lastValueFrom(of(collection).pipe(stdoutSink(sink)));
  const error = end.type === 'drained' ? end.error : undefined;
  if (error === undefined || (error as NodeJS.ErrnoException).code === 'EPIPE') {
    return EXIT.clean;
  }
  log('error', 'msb_metrics::stdout', 'the reading could not be printed', { error: error.message });
  return EXIT.lost;
}
