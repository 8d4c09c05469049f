import { concatMap, defer, of } from 'rxjs';
import type { Answer } from './answer.js';
import type { Transport } from './transport.js';

/**
 * How long a connection may be idle and still be used, ms. NAT and load balancers forget idle connections after minutes,
 * many without a word: the next request would be lost in them.
 */
export const MAX_IDLE_MILLIS = 60_000;

/** Milliseconds by the clock that goes on during a suspend, and by the one that nobody sets. */
export interface IdleClock {
  readonly wallMillis: () => number;
  readonly monotonicMillis: () => number;
}

const SYSTEM_CLOCK: IdleClock = {
  wallMillis: () => Date.now(),
  monotonicMillis: () => performance.now(),
};

/**
 * A transport whose connections are not used any more after a minute without a request: the next request gets a new one.
 *
 * @param create makes the transport with new connections
 * @param clock Default: the system's
 */
export function renewedWhenIdle(create: () => Transport, clock: IdleClock = SYSTEM_CLOCK): Transport {
  let current: Transport | undefined;
  let usedAt = { wall: 0, monotonic: 0 };
  const touch = (): void => {
    usedAt = { wall: clock.wallMillis(), monotonic: clock.monotonicMillis() };
  };
  const isIdleTooLong = (): boolean =>
    clock.monotonicMillis() - usedAt.monotonic >= MAX_IDLE_MILLIS ||
    clock.wallMillis() - usedAt.wall >= MAX_IDLE_MILLIS;
  return {
    send: (request) =>
      defer(() => {
        if (current !== undefined && isIdleTooLong()) {
          current.close();
          current = undefined;
        }
        current ??= create();
        touch();
        return current.send(request).pipe(
          concatMap((answer) => {
            touch();
            return of(answer);
          }),
        );
      }),
    close: () => current?.close(),
  };
}

/**
 * A transport that makes one more attempt at once, over a new connection, when a connection that had been used before
 * is reset before any answer. Most likely the request never reached the receiver.
 */
export function retriedAfterReset(transport: Transport): Transport {
  return {
    send: (request) =>
      transport
        .send(request)
        .pipe(
          concatMap((answer: Answer) =>
            answer.kind === 'failed' && answer.wasReset === true ? transport.send(request) : of(answer),
          ),
        ),
    close: () => transport.close(),
  };
}
