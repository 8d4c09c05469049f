import { describe, it } from 'vitest';
import { notifications, type ServiceState } from '../../../src/cli/systemd/notifications.js';
import { marbles } from '../../support/marbles.js';

const states: Record<string, ServiceState> = {
  b: { isReady: false, isStopping: false, status: 'begins', isAlive: () => true },
  r: { isReady: true, isStopping: false, status: 'one', isAlive: () => true },
  s: { isReady: true, isStopping: false, status: 'two', isAlive: () => true },
  d: { isReady: true, isStopping: false, status: 'two', isAlive: () => false },
  x: { isReady: true, isStopping: true, status: 'stopping', isAlive: () => true },
};

const values = {
  R: 'READY=1',
  1: 'STATUS=one',
  2: 'STATUS=two',
  W: 'WATCHDOG=1',
  X: 'STOPPING=1\nSTATUS=stopping',
};

describe('what systemd is told', () => {
  it('is that the service is ready, once, and only when it is', () => {
    marbles(({ hot, expectObservable }) => {
      const states$ = hot('b--r 29s -', states);
      expectObservable(notifications(states$, { watchdogMillis: undefined })).toBe('---(R1)', values);
    });
  });

  it('is a change of its status, at most every ten seconds', () => {
    marbles(({ hot, expectObservable }) => {
      const states$ = hot('r 999ms s 999ms r 999ms s 16996ms r', states);
      expectObservable(notifications(states$, { watchdogMillis: undefined })).toBe(
        '(R1) 9996ms 2 9999ms 1',
        values,
      );
    });
  });

  it('is that it lives, twice in the time of the watchdog, as long as it does its work', () => {
    marbles(({ hot, expectObservable }) => {
      const states$ = hot('b 4999ms b 3999ms d 3999ms b', {
        ...states,
        d: { ...states.b, isAlive: () => false },
      });
      expectObservable(notifications(states$, { watchdogMillis: 4_000 }), '^ 14500ms !').toBe(
        '2s W 1999ms W 1999ms W 1999ms W 5999ms W',
        values,
      );
    });
  });

  it('is that it stops, and nothing but that it lives from then on, until its end', () => {
    marbles(({ hot, expectObservable }) => {
      const states$ = hot('r 1999ms s 2999ms x 14999ms |', states);
      expectObservable(notifications(states$, { watchdogMillis: 16_000 })).toBe(
        '(R1) 4996ms X 2999ms W 7999ms W 3999ms |',
        values,
      );
    });
  });
});
