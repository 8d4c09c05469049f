import type { Point } from '../receiver/decode.js';
import type { ArrivedPoint } from './ledger.js';

/** The points of sandboxes among those of a request, as a ledger enters them. */
export function sandboxPoints(points: readonly Point[]): ArrivedPoint[] {
  return points
    .filter(({ attributes }) => 'sandbox.name' in attributes)
    .map(({ metric, value, timeNanos, attributes }) => ({
      metric,
      value,
      timeMillis: Number(timeNanos / 1_000_000n),
      name: String(attributes['sandbox.name']),
    }));
}
