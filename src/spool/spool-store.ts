import type { ObservableInput } from 'rxjs';

/** Items that lie on disk as one. */
export interface Segment {
  /** The number of its first item, counted over the whole life of the spool. Names the segment. */
  readonly first: number;
  /** How many items it has. */
  readonly items: number;
  /** How many of the first of them were delivered, or given up. */
  readonly done: number;
  readonly bytes: number;
  /** When it was written, Unix ms. */
  readonly writtenAtMillis: number;
}

/** Items on disk that are not done. */
export const leftIn = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { items, done }) => sum + items - done, 0);

/** Bytes on disk. */
export const bytesIn = (files: readonly Pick<Segment, 'bytes'>[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Keeps items on disk. Whatever goes wrong is an error of what a call gives. Calls are made one after the other. */
export interface SpoolStore<T> {
  /** What was found at the beginning, the oldest first. */
  readonly segments: readonly Segment[];
  /** Segments beyond these bytes are dropped, the oldest first. */
  readonly maxBytes: number;
  /** Writes a segment, durably. */
  write(first: number, items: readonly T[]): ObservableInput<Segment>;
  /** Reads the items of a segment that are not done. A segment that cannot be read is put aside. */
  read(segment: Segment): ObservableInput<readonly T[]>;
  /** Remembers durably how many items are done. */
  keep(segment: Segment): ObservableInput<unknown>;
  /** Removes segments. */
  remove(segments: readonly Segment[]): ObservableInput<unknown>;
  /** Takes it for one sink. Throws where another one has it, or where it is closed. Default: it may be used again. */
  claim?(): void;
  /** Lets another process have it. */
  close(): void;
}
