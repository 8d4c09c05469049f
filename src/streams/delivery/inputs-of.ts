import {
  EMPTY,
  endWith,
  filter,
  map,
  materialize,
  merge,
  type Observable,
  of,
  switchMap,
  takeUntil,
  timer,
} from 'rxjs';
import type { SpoolStore } from '../../spool/spool-store.js';
import type { CompleteDeliveryOptions } from '../delivery-options.js';
import { flushCadence } from '../flush-cadence.js';
import { deadline } from './deadline.js';
import { diskInputs } from './disk-inputs.js';
import type { DeliveryCommand } from './effect.js';
import type { SafeExporter } from './exporter-for.js';
import type { DeliveryInput } from './input.js';

/** What the inputs of a delivery are made of. */
export interface InputSources<T> extends CompleteDeliveryOptions {
  /** Where items that the receiver does not take are kept. Default: in memory alone. */
  readonly spool: SpoolStore<T> | undefined;
  readonly source: Observable<T>;
  readonly exporter: SafeExporter<T>;
  /** The commands of the transition, as they come. */
  readonly commands$: Observable<DeliveryCommand<T>>;
}

/**
 * When each input of the transition comes. Commands are listened to before the flushes, and those before the source,
 * because the latter two may emit while they are subscribed to.
 */
export function inputsOf<T>(sources: InputSources<T>): Observable<DeliveryInput<T>> {
  const {
    source,
    exporter,
    commands$,
    spool: store,
    flushIntervalMillis,
    exportTimeoutMillis,
    flush$,
    scheduler,
  } = sources;
  const on = <Type extends DeliveryCommand<T>['type']>(type: Type) =>
    commands$.pipe(
      filter(
        (command): command is Extract<DeliveryCommand<T>, { readonly type: Type }> => command.type === type,
      ),
    );

  const items$ = source.pipe(
    materialize(),
    map(
      (each): DeliveryInput<T> =>
        each.kind === 'N' ? { type: 'collected', item: each.value } : { type: 'source-ended', end: each },
    ),
  );

  const cadence$ = flushCadence({
    flushIntervalMillis,
    flush$,
    backOff$: on('back-off').pipe(map(({ waitMillis }) => waitMillis)),
    resume$: on('resume'),
    scheduler,
  }).pipe(
    takeUntil(on('begin-drain')),
    map((cause): DeliveryInput<T> => ({ type: cause === 'scheduled' ? 'flush-due' : 'flush-requested' })),
  );

  const exports$ = merge(on('export'), on('cancel-export'), on('shut-down')).pipe(
    switchMap((command) =>
      command.type === 'export'
        ? exporter.attempt(command.batch, command.totals, exportTimeoutMillis)
        : EMPTY,
    ),
    map((result): DeliveryInput<T> => ({ type: 'answered', result })),
  );
  const goOn$ = on('go-on').pipe(map((): DeliveryInput<T> => ({ type: 'go-on' })));

  const askedWaits$ = on('back-off').pipe(
    switchMap(({ askedMillis }) => (askedMillis > 0 ? timer(askedMillis, scheduler) : EMPTY)),
    map((): DeliveryInput<T> => ({ type: 'asked-wait-over' })),
  );

  const drainDeadline$ = on('begin-drain').pipe(
    switchMap(() => deadline(exportTimeoutMillis, scheduler)),
    map((): DeliveryInput<T> => {
      const error = new Error(`no answer within the ${exportTimeoutMillis} ms of the drain`);
      return { type: 'deadline', error };
    }),
  );
  const shutdown$ = on('shut-down').pipe(
    switchMap(() => exporter.shutdown$.pipe(endWith(undefined))),
    map((): DeliveryInput<T> => ({ type: 'shut-down' })),
  );

  const disk$ =
    store === undefined ? EMPTY : diskInputs({ store, commands$, flushIntervalMillis, scheduler });
  // What an earlier process has left goes out at once.
  const first$ =
    store !== undefined && store.segments.length > 0 ? of<DeliveryInput<T>>({ type: 'flush-due' }) : EMPTY;

  // Those that may emit while they are subscribed to come last.
  return merge(exports$, goOn$, askedWaits$, drainDeadline$, shutdown$, disk$, cadence$, items$, first$);
}
