import { filter, firstValueFrom, ReplaySubject, Subject, type Subscription, tap } from 'rxjs';
import { onTestFinished } from 'vitest';
import { type Collection, type DeliveryEvent, type OtlpSinkOptions, otlpSink } from '../../src/index.js';

/** An OTLP sink that collects and flushes when told, and never by itself. */
export class DrivenSink {
  readonly events: DeliveryEvent[] = [];
  readonly #items$ = new Subject<Collection>();
  readonly #flush$ = new Subject<void>();
  readonly #events$ = new ReplaySubject<DeliveryEvent>();
  readonly #subscription: Subscription;

  constructor(options: OtlpSinkOptions) {
    this.#subscription = this.#items$
      .pipe(
        otlpSink({
          flushIntervalMillis: 60_000,
          exportTimeoutMillis: 20_000,
          ...options,
          flush$: this.#flush$,
        }),
        tap((event) => this.events.push(event)),
      )
      .subscribe(this.#events$);
    onTestFinished(() => this.#subscription.unsubscribe());
  }

  collect(collection: Collection): void {
    this.#items$.next(collection);
  }

  /** Flushes, and gives the event with which the flush ended. */
  async flush(): Promise<DeliveryEvent> {
    const before = this.events.length;
    const end = firstValueFrom(
      this.#events$.pipe(
        filter((event, index) => index >= before && ['flushed', 'failed', 'drained'].includes(event.type)),
      ),
    );
    this.#flush$.next();
    return end;
  }

  /** Ends the source, and gives what the drain came to. */
  async drain(): Promise<DeliveryEvent> {
    const end = firstValueFrom(this.#events$.pipe(filter(({ type }) => type === 'drained')));
    this.#items$.complete();
    return end;
  }

  /** Unsubscribes. */
  stop(): void {
    this.#subscription.unsubscribe();
  }

  /** All events of a type. */
  of<Type extends DeliveryEvent['type']>(type: Type): Extract<DeliveryEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<DeliveryEvent, { type: Type }>[];
  }
}
