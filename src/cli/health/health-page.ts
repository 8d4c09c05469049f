import type { Spool } from '../../index.js';
import { deliveryMetrics } from '../../sinks/prometheus/delivery-metrics.js';
import { BUILD_INFO, ownMetrics, type PageMetric, single } from '../../sinks/prometheus/own-metrics.js';
import { ownPage } from '../../sinks/prometheus/own-page.js';
import { backlog, type Health } from './health.js';

/** What a process uses, from the system. */
export interface ProcessUsage {
  /** User and system time. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** The sidecar's own counters and state as a page for Prometheus. The sandboxes' metrics are not on it. */
export function healthPage(health: Health, usage: ProcessUsage, spool?: Spool): string {
  const { newest, totals, startedAt } = health;
  return ownPage([
    ...(newest === undefined ? [BUILD_INFO] : ownMetrics(newest.reading)),
    single(
      'microsandbox_collector_last_reading_timestamp_seconds',
      'Unix time of the last reading of shared memory.',
      newest && newest.at.wallMillis / 1_000,
    ),
    ...deliveryMetrics(totals, backlog(health)),
    ...(spool === undefined ? [] : spoolMetrics(spool)),
    single(
      'process_start_time_seconds',
      'Unix time at which the process began.',
      startedAt.wallMillis / 1_000,
    ),
    single('process_resident_memory_bytes', 'Resident memory.', usage.residentBytes),
    single('process_cpu_seconds_total', 'User and system time.', usage.cpuSeconds, 'counter'),
  ]);
}

const spoolMetrics = ({
  stats: { bytes, items, oldestAtMillis },
  maxBytes,
}: Spool): readonly PageMetric[] => [
  single('microsandbox_collector_spool_bytes', 'Bytes of the spool on disk.', bytes),
  single('microsandbox_collector_spool_max_bytes', 'Bytes beyond which the oldest is dropped.', maxBytes),
  single('microsandbox_collector_spool_collections', 'Collections in the spool.', items),
  single(
    'microsandbox_collector_spool_oldest_timestamp_seconds',
    'Unix time at which the oldest of the spool was written.',
    oldestAtMillis === undefined ? undefined : oldestAtMillis / 1_000,
  ),
];

/** What this process uses now. */
export function currentUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}
