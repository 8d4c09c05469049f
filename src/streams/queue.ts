interface Link<T> {
  readonly item: T;
  readonly older: Link<T> | undefined;
}

/** Removed items that an array may still refer to, as a part of its length: they are in memory a little longer. */
const LARGEST_REMOVED_PART = 1 / 16;

/**
 * An immutable queue. Every change makes a new queue and leaves the old one as it was, so a state that holds one can
 * be kept, compared and replayed. Adding an item, and removing the oldest, cost the same for every size, on average.
 *
 * The oldest items lie in an array, from `first` on; the newest in a list, the newest first, which becomes the array
 * when that runs out.
 */
export class Queue<T> implements Iterable<T> {
  private constructor(
    private readonly array: readonly T[],
    private readonly first: number,
    private readonly list: Link<T> | undefined,
    /** Number of items. */
    readonly size: number,
  ) {}

  /** The queue of these items, the oldest first. Default: an empty queue. */
  static of<T>(items: readonly T[] = []): Queue<T> {
    return new Queue<T>([...items], 0, undefined, items.length);
  }

  /** This queue with one more item: the newest. */
  add(item: T): Queue<T> {
    return new Queue(this.array, this.first, { item, older: this.list }, this.size + 1);
  }

  /** This queue with more items before the oldest, in the order in which they are given. */
  putBack(items: readonly T[]): Queue<T> {
    const array = [...items, ...this.array.slice(this.first)];
    return new Queue(array, 0, this.list, this.size + items.length);
  }

  /** This queue without its oldest `count` items. Without any if there are no more than `count`. */
  without(count: number): Queue<T> {
    const { array, list, size } = this;
    if (count >= size) {
      return Queue.of();
    }
    const first = this.first + count;
    if (first >= array.length) {
      return new Queue(this.oldest(size), 0, undefined, size).without(count);
    }
    return first > array.length * LARGEST_REMOVED_PART
      ? new Queue(array.slice(first), 0, list, size - count)
      : new Queue(array, first, list, size - count);
  }

  /** The oldest `count` items, the oldest first. All items if there are no more than `count`. */
  oldest(count: number): T[] {
    const items = this.array.slice(this.first, this.first + count);
    return items.length === count
      ? items
      : items.concat(oldestFirst(this.list).slice(0, count - items.length));
  }

  [Symbol.iterator](): Iterator<T> {
    return this.oldest(this.size)[Symbol.iterator]();
  }
}

function oldestFirst<T>(list: Link<T> | undefined): T[] {
  const items: T[] = [];
  for (let link = list; link !== undefined; link = link.older) {
    items.push(link.item);
  }
  return items.reverse();
}
