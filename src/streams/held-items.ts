/**
 * What a sink holds until it is delivered: a queue that, when full, drops the oldest it holds to take in the
 * newest. Items out for an export are not held; should they come back, they come back to the front.
 *
 * The oldest go first also then: a batch that comes back to a queue that has filled up meanwhile is older than all
 * that is in it, so it is the batch that loses.
 */
export class HeldItems<T> {
  readonly #max: number;
  #items: T[] = [];

  /** @param max the most items held; an integer of 1 or more */
  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#items.length;
  }

  /** The items, oldest first. Valid until the next call that changes the queue. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Adds the newest item. Returns how many were dropped: 0 or 1. */
  push(item: T): number {
    this.#items.push(item);
    return this.#dropExcess();
  }

  /** Takes out the oldest `count` items, or all if there are fewer. */
  take(count: number): T[] {
    return this.#items.splice(0, count);
  }

  /** Puts items back to the front, as they came out. Returns how many were dropped. */
  putBack(items: readonly T[]): number {
    this.#items = [...items, ...this.#items];
    return this.#dropExcess();
  }

  #dropExcess(): number {
    const excess = Math.max(0, this.#items.length - this.#max);
    this.#items.splice(0, excess);
    return excess;
  }
}
