import { describe, expect, it } from 'vitest';
import { Reporter } from '../../src/cli/report.js';
import { Collection, type DeliveryEvent } from '../../src/index.js';
import { NO_SKIPPED_ROWS } from '../../src/shm/skipped-rows.js';

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

describe('the object of a stranger at the name of a registry', () => {
  const HOUR = 3_600_000;
  const read = (nowMillis: number, state: 'absent' | 'untrusted' | 'refused') => {
    const name = '/msb-met-0-v3';
    const status = { name, abi: 3, state, message: `${state}!`, capacity: 0, rows: 0, used: 0 };
    return new Collection(nowMillis, [], new Float64Array(), [{ ...status, skipped: NO_SKIPPED_ROWS }]);
  };
  const told = (...collections: readonly Collection[]): unknown[] => {
    const lines: unknown[] = [];
    const reporter = new Reporter((level, _, message) => {
      if (level !== 'debug' && !message.startsWith('no registry for')) {
        lines.push(message);
      }
    }, CONTEXT);
    for (const collection of collections) {
      reporter.report({ type: 'collected', collection });
    }
    return lines;
  };

  it('that comes and goes all the time is told of once an hour, and so is its end', () => {
    const flapping = Array.from({ length: 50 }, (_, tick) =>
      read(tick * 100, tick % 2 === 0 ? 'untrusted' : 'absent'),
    );
    const once = ['untrusted!', 'the trouble with the registry /msb-met-0-v3 has ended'];
    expect(told(...flapping)).toEqual(once);
    expect(told(...flapping, read(HOUR, 'untrusted'), read(HOUR + 100, 'absent'))).toEqual([
      ...once,
      ...once,
    ]);
  });

  it('hides no trouble with a registry of ours', () => {
    const flapping = [0, 1, 2, 3].map((tick) => read(tick * 100, tick % 2 === 0 ? 'refused' : 'absent'));
    expect(told(...flapping)).toHaveLength(4);
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
