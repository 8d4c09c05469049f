import { type CollectorEvent, type DeliveryTotals, INITIAL_TOTALS, totalsAfter } from '../../index.js';
import type { Collection } from '../../shm/collection.js';

/** What a program that runs a collector tells of itself: the collector's events, and that it has been told to stop. */
export type ServiceEvent = CollectorEvent | { readonly type: 'stopping' };

/** A moment by two clocks: one that may be set, and one that only goes on. */
export interface Moment {
  /** Wall-clock time, Unix ms. */
  readonly wallMillis: number;
  /** Monotonic, ms from any beginning. */
  readonly steadyMillis: number;
}

/** What a reading found, without its rows. */
export type Reading = Pick<Collection, 'registries' | 'size' | 'collectMillis' | 'catalog'>;

/** How a service is. Immutable. */
export interface Health {
  readonly startedAt: Moment;
  readonly isStopping: boolean;
  /** The newest reading, and when it came. `undefined` before the first. */
  readonly newest: { readonly reading: Reading; readonly at: Moment } | undefined;
  readonly totals: DeliveryTotals;
  /** The last failure to deliver, which may be over. Without secrets, as the sinks say it. */
  readonly lastError: { readonly message: string; readonly atMillis: number } | undefined;
  /** Exports that failed, or were refused, since the last success. */
  readonly failuresInARow: number;
  /** Why a sink has ended by itself: nothing is delivered any more. */
  readonly sinkFailure: string | undefined;
}

/**
 * A service that has just begun.
 *
 * @param waiting collections that an earlier process has left in the spool
 */
export function initialHealth(startedAt: Moment, waiting = 0): Health {
  return {
    startedAt,
    isStopping: false,
    newest: undefined,
    totals: { ...INITIAL_TOTALS, collected: waiting },
    lastError: undefined,
    failuresInARow: 0,
    sinkFailure: undefined,
  };
}

/** How a service is after one more event. */
export function healthAfter(health: Health, event: ServiceEvent, at: Moment): Health {
  switch (event.type) {
    case 'collected': {
      const { registries, size, collectMillis, catalog } = event.collection;
      const { totals } = health;
      return {
        ...health,
        newest: { reading: { registries, size, collectMillis, catalog }, at },
        totals: { ...totals, collected: totals.collected + 1 },
      };
    }
    case 'delivery': {
      const next = { ...health, totals: totalsAfter(health.totals, event.event, at.wallMillis) };
      const { event: delivery } = event;
      if (delivery.type === 'failed' || delivery.type === 'rejected' || delivery.type === 'split') {
        return {
          ...next,
          lastError: { message: delivery.error.message, atMillis: at.wallMillis },
          failuresInARow: health.failuresInARow + 1,
        };
      }
      return delivery.type === 'exported' ? { ...next, failuresInARow: 0 } : next;
    }
    case 'sink-ended':
      return event.error === undefined
        ? health
        : { ...health, sinkFailure: `the sink ${event.sink} failed: ${event.error.message}` };
    case 'stopping':
      return { ...health, isStopping: true };
  }
}

/** Collections that wait for the backend, or are on their way. */
export function backlog({ totals: { collected, delivered, dropped, rejected } }: Health): number {
  return Math.max(0, collected - delivered - dropped - rejected);
}
