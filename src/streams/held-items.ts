/** Empty places that are not worth moving the rest for. */
const MOST_EMPTY_PLACES = 32;

/**
 * What a sink holds until it is delivered: a queue that, when full, drops the oldest it holds to take in the
 * newest. Items out for an export are not held; should they come back, they come back to the front.
 *
 * The oldest go first also then: a batch that comes back to a queue that has filled up meanwhile is older than all
 * that is in it, so it is the batch that loses.
 */
export class HeldItems<T> {
  readonly #max: number;
  /** Those that are held, from `#first` on; before it, empty places, never more than there are held and some. */
  #items: (T | undefined)[] = [];
  #first = 0;

  /** @param max the most items held; an integer of 1 or more */
  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The oldest `count` items, or all if there are fewer, oldest first. */
  oldest(count: number): T[] {
    return this.#items.slice(this.#first, this.#first + count) as T[];
  }

  /** Adds the newest item. Returns how many were dropped: 0 or 1. */
  push(item: T): number {
    this.#items.push(item);
    return this.#dropExcess();
  }

  /** Takes out the oldest `count` items, or all if there are fewer. */
  take(count: number): T[] {
    const taken = this.oldest(count);
    this.#forget(taken.length);
    return taken;
  }

  /** Puts items back to the front, as they came out. Returns how many were dropped. */
  putBack(items: readonly T[]): number {
    if (items.length > 0) {
      this.#items = [...items, ...this.oldest(this.length)];
      this.#first = 0;
    }
    return this.#dropExcess();
  }

  #dropExcess(): number {
    const excess = Math.max(0, this.length - this.#max);
    this.#forget(excess);
    return excess;
  }

  /** Empties places at once, for what was in them may be large; moves the others only when half of all is empty. */
  #forget(count: number): void {
    const end = this.#first + count;
    this.#items.fill(undefined, this.#first, end);
    this.#first = end;
    if (end > MOST_EMPTY_PLACES && end > this.#items.length / 2) {
      this.#items = this.#items.slice(end);
      this.#first = 0;
    }
  }
}
