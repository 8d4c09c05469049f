import { inspect } from 'node:util';
import { defer, finalize, type OperatorFunction, Subject } from 'rxjs';
import type { SpoolStore } from '../spool/spool-store.js';
import { carryOut } from './delivery/carry-out.js';
import type { DeliveryCommand } from './delivery/effect.js';
import { type ExporterFactory, exporterFor } from './delivery/exporter-for.js';
import { inputsOf } from './delivery/inputs-of.js';
import { runTransitions } from './delivery/run-transitions.js';
import { initialDelivery } from './delivery/state.js';
import { transition } from './delivery/transition.js';
import type { DeliveryEvent } from './delivery-events.js';
import { completeDeliveryOptions, type DeliveryOptions } from './delivery-options.js';

/** The option of a spool. */
export interface SpoolOption<T> {
  /**
   * Keeps on disk what the receiver does not take, see `openSpool`. For one subscription, which closes it at its end. Default:
   * none; what does not fit into the buffer is dropped.
   */
  readonly spool?: SpoolStore<T> | undefined;
}

/**
 * Holds what the source emits and hands it to an exporter: at every flush interval, at every explicit flush, and
 * once more when the source ends. Emits what happens.
 *
 * The way of a collection, each step under its name in this folder:
 *
 *     interval ─► read ─► unseen samples ─► drop oldest ─► cadence ─► export ─► delivered
 *                                            ▲                          │ failed
 *                                            └──────── backoff ◄────────┘
 *
 *     the source ends ─► drain: one last export of all that is held, the exporter's shutdown, the end
 *
 * - One export at a time. A flush sends all that was held when it began, in as many exports as the exporter wants.
 * - When more than `maxBuffered` items are held, the oldest is dropped.
 * - A failed batch is held again, at the front. The next scheduled attempt comes after a wait that doubles with every
 *   failure in a row, see {@link backoffMillis}. An explicit flush does not wait. A buffer that becomes full in a wait
 *   makes one attempt at once, before anything is dropped.
 * - When the source completes, what is held gets one last attempt. Then the exporter is shut down, and the stream
 *   completes after `drained`. This takes at most `exportTimeoutMillis`, plus what an export in flight has left of its
 *   own. When the source fails, the same happens, and then the stream fails with that error.
 * - Unsubscribing stops at once, without a last attempt.
 *
 * What an exporter does wrong becomes an event, never an error of this stream. Only a factory that throws, or that makes
 * something else than an exporter, is an error of the stream.
 *
 * The rules are those of {@link transition}. `inputsOf` says when things happen.
 *
 * @param createExporter called once for each subscription
 * @throws {RangeError} for an option out of its range, when called
 * @throws {TypeError} for a `createExporter` that is not a function, when called
 */
export function deliver<T>(
  createExporter: ExporterFactory<T>,
  options: DeliveryOptions & SpoolOption<T> = {},
): OperatorFunction<T, DeliveryEvent> {
  if (typeof createExporter !== 'function') {
    throw new TypeError(
      `createExporter: expected a function that makes an exporter, got ${inspect(createExporter)}`,
    );
  }
  const complete = completeDeliveryOptions(options);
  const { flushIntervalMillis, maxBuffered, scheduler } = complete;
  const { spool } = options;
  return (source) =>
    defer(() => {
      spool?.claim?.();
      const exporter = exporterFor(createExporter, scheduler);
      const settings = { ...exporter, flushIntervalMillis, maxBuffered, maxSpoolBytes: spool?.maxBytes };
      const commands$ = new Subject<DeliveryCommand<T>>();
      return inputsOf({ ...complete, source, exporter, commands$, spool }).pipe(
        runTransitions(initialDelivery<T>(spool?.segments), (state, input) =>
          transition(state, input, scheduler.now(), settings),
        ),
        carryOut((command) => commands$.next(command)),
        finalize(() => {
          exporter.shutdown$.subscribe();
          spool?.close();
        }),
      );
    });
}
