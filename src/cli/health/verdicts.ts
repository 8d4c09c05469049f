import type { Health } from './health.js';

/** An answer to whether something is well. */
export interface Verdict {
  readonly isWell: boolean;
  /** In one line. */
  readonly reason: string;
}

/** What a reading may be late beyond three collect intervals, ms: a host under load is no reason to be restarted. */
const GRACE_MILLIS = 5_000;

const WELL: Verdict = { isWell: true, reason: 'ok' };

/**
 * Whether the process does its work: its last reading, or its start, is not older than three collect intervals and 5 s, and no
 * sink has ended by itself. No registry yet, and a backend that is away, are no illness of this process.
 *
 * @param steadyMillis now, monotonic
 */
export function liveness(health: Health, collectIntervalMillis: number, steadyMillis: number): Verdict {
  const { newest, startedAt, sinkFailure } = health;
  if (sinkFailure !== undefined) {
    return { isWell: false, reason: sinkFailure };
  }
  // A drain reads nothing any more, and has its own bound.
  if (health.isStopping) {
    return WELL;
  }
  const ageMillis = steadyMillis - (newest?.at ?? startedAt).steadyMillis;
  const most = 3 * collectIntervalMillis + GRACE_MILLIS;
  return ageMillis <= most
    ? WELL
    : {
        isWell: false,
        reason: `no reading for ${Math.round(ageMillis / 1_000)} s: expected one every ${collectIntervalMillis} ms`,
      };
}

/** Whether the process has begun its work, and has not been told to stop. A backend that is away makes nobody unready. */
export function readiness(health: Health): Verdict {
  if (health.isStopping) {
    return { isWell: false, reason: 'stopping' };
  }
  return health.newest === undefined ? { isWell: false, reason: 'no reading yet' } : WELL;
}
