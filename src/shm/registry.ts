import { closeSync, fstatSync } from 'node:fs';
import { judgeHeader, judgeSize } from './header.js';
import type { AbiLayout } from './layout.js';
import { HEADER_BYTES, regionBytes } from './layout.js';
import { describeDenial } from './owner.js';
import { type Mapping, mapReadOnly, openSharedMemory, PosixError } from './posix.js';
import type { RegistryState, RegistryStatus } from './registry-status.js';
import { type KnownRuns, type RowFilter, type RowSink, SlotReader } from './slots.js';

interface Attachment {
  readonly mapping: Mapping;
  readonly slots: SlotReader;
  readonly capacity: number;
  readonly device: number;
  readonly inode: number;
}

/**
 * One registry, followed through its life: created late, deleted, made anew, shrunk. Each reading asks the system
 * what is at the name now, which costs a few system calls; the region itself is mapped once for as long as the
 * same object is there. Nothing it does can throw.
 */
export class Registry {
  readonly #name: string;
  readonly #layout: AbiLayout;
  #attachment: Attachment | undefined;
  /** Outlives the attachment: an object that is attached again has the same runs. */
  #runs: { readonly device: number; readonly inode: number; readonly known: KnownRuns } | undefined;

  /**
   * @param name the object's name, with its leading slash
   * @param layout the layout of the ABI in that name
   */
  constructor(name: string, layout: AbiLayout) {
    this.#name = name;
    this.#layout = layout;
  }

  /** Adds the rows of this registry, if there is one, and says what was found. */
  read(filter: RowFilter, sink: RowSink): RegistryStatus {
    let fd: number | undefined;
    try {
      fd = openSharedMemory(this.#name);
      if (fd === undefined) {
        return this.#detached('absent');
      }
      const status = this.#follow(fd);
      this.#attachment?.slots.read(filter, sink);
      return status;
    } catch (error) {
      if (error instanceof PosixError && error.code === 'EACCES') {
        return this.#detached('denied', describeDenial(this.#name));
      }
      // The object is still there, only the system is short of something (EMFILE, ENOMEM): the mapping is kept.
      const message = `cannot read the registry ${this.#name}: ${(error as Error).message}`;
      return this.#status('failed', message, 0);
    } finally {
      if (fd !== undefined) {
        closeSync(fd);
      }
    }
  }

  /** Unmaps the region. A later reading attaches anew. */
  close(): void {
    this.#attachment?.mapping.unmap();
    this.#attachment = undefined;
  }

  /** Keeps, replaces or drops the attachment according to the object that is open as `fd`. */
  #follow(fd: number): RegistryStatus {
    const stat = fstatSync(fd);
    const { dev, ino, size } = stat;
    if (!stat.isFile()) {
      return this.#detached(
        'refused',
        `the registry ${this.#name} is no shared memory: expected a regular object`,
      );
    }
    const sizeVerdict = judgeSize(size);
    if (sizeVerdict?.state === 'refused') {
      return this.#detached('refused', `the registry ${this.#name} ${sizeVerdict.message}`);
    }
    if (sizeVerdict !== undefined) {
      return this.#detached('initialising');
    }
    const attached = this.#attachment;
    const same = attached !== undefined && attached.device === dev && attached.inode === ino;
    const verdict =
      same && size >= regionBytes(attached.capacity)
        ? judgeHeader(attached.mapping.buffer, size, this.#layout.abi)
        : this.#judgeUnmapped(fd, size);
    if (verdict.state === 'refused') {
      return this.#detached('refused', `the registry ${this.#name} ${verdict.message}`);
    }
    if (verdict.state === 'initialising') {
      return this.#detached('initialising');
    }
    if (!same || attached.capacity !== verdict.capacity) {
      this.close();
      const mapping = mapReadOnly(fd, regionBytes(verdict.capacity));
      const { capacity } = verdict;
      if (this.#runs?.device !== dev || this.#runs.inode !== ino || this.#runs.known.length !== capacity) {
        this.#runs = { device: dev, inode: ino, known: new Array(capacity).fill(undefined) };
      }
      const slots = new SlotReader(mapping.buffer, this.#layout, this.#runs.known);
      this.#attachment = { mapping, slots, capacity, device: dev, inode: ino };
    }
    return this.#status('attached', '', verdict.capacity);
  }

  #judgeUnmapped(fd: number, size: number) {
    const header = mapReadOnly(fd, HEADER_BYTES);
    try {
      return judgeHeader(header.buffer, size, this.#layout.abi);
    } finally {
      header.unmap();
    }
  }

  #detached(state: RegistryState, message = ''): RegistryStatus {
    this.close();
    return this.#status(state, message, 0);
  }

  #status(state: RegistryState, message: string, capacity: number): RegistryStatus {
    return { name: this.#name, abi: this.#layout.abi, state, message, capacity };
  }
}
