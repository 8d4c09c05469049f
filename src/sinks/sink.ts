import type { OperatorFunction } from 'rxjs';
import type { Collection } from '../shm/collection.js';
import type { DeliveryEvent } from '../streams/delivery-events.js';

/**
 * An operator from an observable of collections to an observable of what happens. Subscribing runs it, completion of
 * the source drains it, unsubscribing stops it at once. `deliver(() => exporter, options)` makes a sink of your own
 * exporter.
 */
export type Sink = OperatorFunction<Collection, DeliveryEvent>;
