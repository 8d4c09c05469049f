import { closeSync, fstatSync, type Stats } from 'node:fs';
import { type HeaderVerdict, judgeHeader, judgeSize } from './header.js';
import { type AbiLayout, HEADER_BYTES, MAX_CAPACITY, regionBytes } from './layout.js';
import { openRegion, type Region, type RegionAccess } from './region.js';
import { type KnownRuns, type RowFilter, type RowSink, type SlotCounts, SlotReader } from './slots.js';

/** Whether two descriptors have the same object open. */
export const isSameObject = (a: Stats, b: Stats): boolean => a.dev === b.dev && a.ino === b.ino;

/** One shared-memory object that is kept open. It stays readable when its name is removed. */
export class OpenRegistry {
  readonly #fd: number;
  readonly #layout: AbiLayout;
  readonly #access: RegionAccess;
  readonly #reader: SlotReader;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #region: { readonly region: Region; readonly bytes: number } | undefined;

  /**
   * @param fd open for reading; closed by `close`
   * @param layout the layout of the ABI in the object's name
   * @param known the runs of this very object, if it was open before
   */
  constructor(fd: number, layout: AbiLayout, access: RegionAccess, known: KnownRuns) {
    this.#fd = fd;
    this.#layout = layout;
    this.#access = access;
    this.#reader = new SlotReader(layout, known);
  }

  /** What the system says of the object now. */
  stat(): Stats {
    return fstatSync(this.#fd);
  }

  /**
   * Judges the object as it is now, by its size and its header.
   *
   * @throws the system's error
   */
  judge({ size }: Stats): HeaderVerdict {
    const bySize = judgeSize(size);
    if (bySize !== undefined) {
      this.#closeRegion();
      return bySize;
    }
    this.#regionOf(size).copy(this.#header, 0);
    return judgeHeader(this.#header.buffer as ArrayBuffer, size, this.#layout.abi);
  }

  /**
   * Adds the rows of the object.
   *
   * @param capacity as just judged
   * @throws the system's error
   */
  read({ size }: Stats, capacity: number, filter: RowFilter, sink: RowSink): SlotCounts {
    return this.#reader.read(this.#regionOf(size), capacity, filter, sink);
  }

  close(): void {
    this.#closeRegion();
    closeSync(this.#fd);
  }

  /** A mapping must not be longer than the object, so another size needs another mapping. */
  #regionOf(size: number): Region {
    const bytes = this.#access === 'map' ? Math.min(size, regionBytes(MAX_CAPACITY)) : 0;
    if (this.#region?.bytes !== bytes) {
      this.#closeRegion();
      this.#region = { region: openRegion(this.#fd, bytes, this.#access), bytes };
    }
    return this.#region.region;
  }

  #closeRegion(): void {
    this.#region?.region.close();
    this.#region = undefined;
  }
}
