import type { OperatorFunction } from 'rxjs';
import type { Collection } from '../shm/collection.js';
import type { DeliveryEvent } from '../streams/delivery-events.js';

/**
 * A sink: applied to an observable of collections it gives an observable of what happens. Subscribing runs it;
 * completion of the source drains it; unsubscribing stops it at once. `deliver(exporter, options)` makes one of an
 * exporter of one's own.
 */
export type Sink = OperatorFunction<Collection, DeliveryEvent>;
