import { describe, expect, it } from 'vitest';
import {
  type Health,
  healthAfter,
  initialHealth,
  type ServiceEvent,
} from '../../../src/cli/health/health.js';
import { liveness, readiness } from '../../../src/cli/health/verdicts.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';

const at = (millis: number) => ({ wallMillis: 1_790_000_000_000 + millis, steadyMillis: millis });

const collected: ServiceEvent = { type: 'collected', collection: collectionOf(sandboxRuns(2)) };

const failed: ServiceEvent = {
  type: 'delivery',
  sink: 'otlp',
  event: { type: 'failed', error: new Error('gone'), failures: 3, retryInMillis: 1_000, held: 1 },
};

const healthAfterAll = (events: readonly (readonly [millis: number, event: ServiceEvent])[]): Health =>
  events.reduce((health, [millis, event]) => healthAfter(health, event, at(millis)), initialHealth(at(0)));

describe('the health of a service', () => {
  it.each([
    { interval: 1_000, age: 8_000, isWell: true },
    { interval: 1_000, age: 8_001, isWell: false },
    { interval: 60_000, age: 185_000, isWell: true },
    { interval: 60_000, age: 185_001, isWell: false },
  ])('is good while its reading is $age ms old, of an interval of $interval ms: $isWell', (expected) => {
    const { interval, age, isWell } = expected;
    expect(liveness(healthAfterAll([[10, collected]]), interval, 10 + age).isWell).toBe(isWell);
    expect(liveness(healthAfterAll([]), interval, age).isWell).toBe(isWell);
  });

  it('says how long there has been no reading', () => {
    expect(liveness(healthAfterAll([[0, collected]]), 1_000, 12_400).reason).toBe(
      'no reading for 12 s: expected one every 1000 ms',
    );
  });

  it('is that of a service that is ready after its first reading, whatever the backend does, until it stops', () => {
    expect(readiness(healthAfterAll([]))).toEqual({ isWell: false, reason: 'no reading yet' });
    expect(
      readiness(
        healthAfterAll([
          [1, collected],
          [2, failed],
        ]),
      ).isWell,
    ).toBe(true);
    expect(
      liveness(
        healthAfterAll([
          [1, collected],
          [2, failed],
        ]),
        1_000,
        3,
      ).isWell,
    ).toBe(true);
    const stopping = healthAfterAll([
      [1, collected],
      [2, { type: 'stopping' }],
    ]);
    expect(readiness(stopping)).toEqual({ isWell: false, reason: 'stopping' });
    expect(liveness(stopping, 1_000, 60_000).isWell).toBe(true);
  });

  it('is bad once a sink has ended by itself: nothing is delivered any more', () => {
    const ended = healthAfterAll([
      [1, collected],
      [2, { type: 'sink-ended', sink: 'otlp', error: new Error('bug') }],
    ]);
    expect(liveness(ended, 1_000, 3)).toEqual({ isWell: false, reason: 'the sink otlp failed: bug' });
    expect(
      liveness(healthAfterAll([[1, { type: 'sink-ended', sink: 'otlp', error: undefined }]]), 1_000, 3)
        .isWell,
    ).toBe(true);
  });
});
