import { describe, expect, it } from 'vitest';
import { Reporter } from '../../src/cli/report.js';
import type { DeliveryEvent } from '../../src/index.js';

const CONTEXT = { msbHome: '/x', findRegistries: () => [] };

/** What is logged of the events of a sink: level, message and fields. */
function logged(...events: readonly DeliveryEvent[]): unknown[] {
  const lines: unknown[] = [];
  const reporter = new Reporter((level, _, message, fields) => lines.push([level, message, fields]), CONTEXT);
  for (const event of events) {
    reporter.report({ type: 'delivery', sink: 'otlp', event });
  }
  return lines;
}

const failed = (message: string, failures: number): DeliveryEvent => ({
  type: 'failed',
  error: new Error(message),
  failures,
  retryInMillis: 1,
  held: 1,
});
const levels = (lines: readonly unknown[]): unknown[] => lines.map((line) => (line as unknown[])[0]);

describe('an outage', () => {
  it('is told when it begins and when it ends', () => {
    const lines = logged(
      failed('gRPC UNAVAILABLE: x', 1),
      failed('gRPC UNAVAILABLE: x', 2),
      { type: 'exported', items: 1, droppedBefore: 0, partial: undefined },
      { type: 'recovered', failures: 2 },
      failed('gRPC UNAVAILABLE: x', 1),
    );
    expect(levels(lines)).toEqual(['warn', 'debug', 'debug', 'info', 'warn']);
  });

  it.each([
    [
      'HTTP 503 Service Unavailable: request 8c5f-1 failed',
      'HTTP 503 Service Unavailable: request 77aa-2 failed',
    ],
    ['gRPC INTERNAL: at 17:46:10.398, retry', 'gRPC INTERNAL: at 17:46:11.466, retry'],
  ])('has one cause while only numbers change: %s', (first, second) => {
    expect(levels(logged(failed(first, 1), failed(second, 2)))).toEqual(['warn', 'debug']);
  });

  it.each([
    ['HTTP 503 Service Unavailable: x', 'HTTP 500 Internal Server Error: x'],
    ['gRPC UNAVAILABLE: connection refused', 'gRPC UNAVAILABLE: connection reset'],
    ['no answer within 300 ms', 'gRPC UNAUTHENTICATED: x'],
  ])('is told anew for another cause: %s', (first, second) => {
    expect(levels(logged(failed(first, 1), failed(second, 2)))).toEqual(['warn', 'warn']);
  });
});

describe('a drain that fails', () => {
  it('is left to the last line of the program', () => {
    const error = new Error('gRPC UNAVAILABLE: x');
    const lines = logged(
      { type: 'failed', error, failures: 1, retryInMillis: undefined, held: 2 },
      { type: 'drained', lost: 2, rejected: 1, error },
    );
    expect(levels(lines)).toEqual(['debug', 'debug']);
    expect(lines[1]).toEqual(['debug', 'drained', { lost: 3, error: error.message }]);
  });
});

describe('data that is given up', () => {
  it('is told in collections and in points, at its end in sums', () => {
    const error = new Error('bad');
    const rejected = (items: number, points: number): DeliveryEvent => ({
      type: 'rejected',
      error,
      items,
      points,
    });
    const flushed: DeliveryEvent = { type: 'flushed' };
    expect(logged(rejected(0, 11), rejected(2, 0), flushed, rejected(0, 5), flushed, flushed)).toEqual([
      ['error', 'the backend refuses data, giving it up', { error: 'bad', collections: 0, points: 11 }],
      ['debug', 'the backend refuses data, giving it up', { error: 'bad', collections: 2, points: 0 }],
      ['debug', 'the backend refuses data, giving it up', { error: 'bad', collections: 0, points: 5 }],
      ['info', 'the backend takes all data again', { rejected_collections: 2, rejected_points: 16 }],
    ]);
  });
});
