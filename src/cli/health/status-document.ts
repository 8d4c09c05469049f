import { type SkippedRows, type Spool, sumOfSkipped, VERSION } from '../../index.js';
import { snakeCase } from '../../sinks/snake-case.js';
import { backlog, type Health, type Moment } from './health.js';
import { liveness, readiness } from './verdicts.js';

/** The document of `/status`. Times are RFC 3339, durations seconds. Keys are only ever added. */
export function statusDocument(
  health: Health,
  collectIntervalMillis: number,
  now: Moment,
  spool?: Spool,
): Record<string, unknown> {
  const { startedAt, newest, totals, lastError, failuresInARow } = health;
  const seconds = (since: Moment): number =>
    Number(((now.steadyMillis - since.steadyMillis) / 1_000).toFixed(3));
  return {
    version: VERSION,
    pid: process.pid,
    uptime_seconds: seconds(startedAt),
    alive: liveness(health, collectIntervalMillis, now.steadyMillis).isWell,
    ready: readiness(health).isWell,
    stopping: health.isStopping,
    reading: newest && {
      at: time(newest.at.wallMillis),
      age_seconds: seconds(newest.at),
      duration_seconds: newest.reading.collectMillis / 1_000,
      rows: newest.reading.size,
      rows_skipped: bySnakeCase(sumOfSkipped(newest.reading.registries.map(({ skipped }) => skipped))),
    },
    registries: (newest?.reading.registries ?? []).map(
      ({ name, abi, state, message, capacity, used, rows, skipped }) => ({
        name,
        abi,
        state,
        message: message || undefined,
        capacity,
        used,
        rows,
        rows_skipped: bySnakeCase(skipped),
      }),
    ),
    catalog: newest?.reading.catalog && {
      state: newest.reading.catalog.state,
      message: newest.reading.catalog.message || undefined,
    },
    delivery: {
      backlog_collections: backlog(health),
      delivered_collections: totals.delivered,
      dropped_collections: totals.dropped,
      rejected_collections: totals.rejected,
      rejected_points: totals.rejectedPoints,
      exports_succeeded: totals.exportsSucceeded,
      exports_failed: totals.exportsFailed,
      failures_in_a_row: failuresInARow,
      last_success_at: totals.lastSuccessAtMillis === undefined ? null : time(totals.lastSuccessAtMillis),
      last_error: lastError ? { at: time(lastError.atMillis), message: lastError.message } : null,
    },
    spool: spool && {
      collections: spool.stats.items,
      bytes: spool.stats.bytes,
      max_bytes: spool.maxBytes,
      oldest_at: spool.stats.oldestAtMillis === undefined ? null : time(spool.stats.oldestAtMillis),
    },
    sink_failure: health.sinkFailure,
  };
}

const time = (millis: number): string => new Date(millis).toISOString();

const bySnakeCase = (skipped: SkippedRows): Record<string, number> =>
  Object.fromEntries(Object.entries(skipped).map(([reason, count]) => [snakeCase(reason), count]));
