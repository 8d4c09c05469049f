import { closeSync, fstatSync, type Stats } from 'node:fs';
import type { AbiLayout } from './layout.js';
import { isSameObject, OpenRegistry } from './open-registry.js';
import { describeDenial } from './owner.js';
import { openSharedMemory, PosixError } from './posix.js';
import { DEFAULT_REGION_ACCESS, type RegionAccess } from './region.js';
import type { RegistryState, RegistryStatus } from './registry-status.js';
import { NO_SKIPPED_ROWS } from './skipped-rows.js';
import type { KnownRuns, RowFilter, RowSink, SlotCounts } from './slots.js';

/** The most removed objects of one name that are kept open: a bound on descriptors. The oldest is closed beyond it. */
const MAX_UNLINKED = 8;

const NO_ROWS: SlotCounts = { rows: 0, skipped: NO_SKIPPED_ROWS };

/** The runs of an object, which outlive its being open: an object that is opened again has the same runs. */
interface KnownObject {
  readonly stat: Stats;
  readonly runs: KnownRuns;
}

/**
 * One registry, followed through its life: created late, deleted, created again, shrunk. Each reading asks the system
 * what is at the name now, which costs a few system calls. An object that was removed while sandboxes write to it is
 * read as long as they do. Nothing that a reading finds makes it throw.
 */
export class Registry {
  readonly #name: string;
  readonly #layout: AbiLayout;
  readonly #access: RegionAccess;
  #current: OpenRegistry | undefined;
  #known: KnownObject | undefined;
  /** Whether the last reading of `#current` found a live row. */
  #hadRows = false;
  #unlinked: OpenRegistry[] = [];

  /**
   * @param name the object's name, with its leading slash
   * @param layout the layout of the ABI in that name
   */
  constructor(name: string, layout: AbiLayout, access: RegionAccess = DEFAULT_REGION_ACCESS) {
    this.#name = name;
    this.#layout = layout;
    this.#access = access;
  }

  /** Adds the rows of this registry and says what was found: at its name, and of objects removed from it. */
  read(filter: RowFilter, sink: RowSink): RegistryStatus[] {
    const found = this.#readCurrent(filter, sink);
    const statuses = this.#unlinked.map((unlinked) => this.#readUnlinked(unlinked, filter, sink));
    return [found, ...statuses.filter((status) => status !== undefined)];
  }

  /** Closes everything. A later reading opens it again. */
  close(): void {
    this.#closeCurrent();
    for (const unlinked of this.#unlinked) {
      unlinked.close();
    }
    this.#unlinked = [];
  }

  #readCurrent(filter: RowFilter, sink: RowSink): RegistryStatus {
    try {
      const stat = this.#follow();
      return stat === undefined ? this.#status('absent') : this.#readOpen(stat, filter, sink);
    } catch (error) {
      if (error instanceof PosixError && error.code === 'EACCES') {
        this.#closeCurrent();
        return this.#status('denied', describeDenial(this.#name));
      }
      // The object is still there, only the system lacks something (EMFILE, ENOMEM): it stays open.
      return this.#status('failed', `cannot read the registry ${this.#name}: ${(error as Error).message}`);
    }
  }

  /** Opens what is at the name now, and sets aside what was there before. `undefined` if nothing is there. */
  #follow(): Stats | undefined {
    const fd = openSharedMemory(this.#name);
    if (fd === undefined) {
      this.#setAside();
      return undefined;
    }
    const stat = fstatSync(fd);
    if (this.#current !== undefined && isSameObject(this.#current.stat(), stat)) {
      closeSync(fd);
      return stat;
    }
    this.#setAside();
    if (this.#known === undefined || !isSameObject(this.#known.stat, stat)) {
      this.#known = { stat, runs: new Map() };
    }
    this.#current = new OpenRegistry(fd, this.#layout, this.#access, this.#known.runs);
    return stat;
  }

  #readOpen(stat: Stats, filter: RowFilter, sink: RowSink): RegistryStatus {
    if (!stat.isFile()) {
      return this.#refuse('is not shared memory: expected a regular object');
    }
    const verdict = this.#current!.judge(stat);
    switch (verdict.state) {
      case 'initialising':
        return this.#status('initialising');
      case 'refused':
        return this.#refuse(verdict.message);
      case 'ready': {
        const counts = this.#current!.read(stat, verdict.capacity, filter, sink);
        this.#hadRows = counts.rows > 0;
        return this.#status('attached', '', verdict.capacity, counts);
      }
    }
  }

  #readUnlinked(unlinked: OpenRegistry, filter: RowFilter, sink: RowSink): RegistryStatus | undefined {
    try {
      const stat = unlinked.stat();
      const verdict = unlinked.judge(stat);
      if (verdict.state === 'ready') {
        const counts = unlinked.read(stat, verdict.capacity, filter, sink);
        if (counts.rows > 0) {
          return this.#status('unlinked', this.#unlinkedMessage(counts.rows), verdict.capacity, counts);
        }
      }
    } catch {
      // Nothing can be read from it any more.
    }
    unlinked.close();
    this.#unlinked = this.#unlinked.filter((each) => each !== unlinked);
    return undefined;
  }

  #unlinkedMessage(rows: number): string {
    const sandboxes = rows === 1 ? '1 sandbox writes' : `${rows} sandboxes write`;
    return `the registry ${this.#name} was removed while ${sandboxes} to it: it is read until they stop, but a restarted msb-metrics cannot find it. logind removes the shared memory of a user at logout: set RemoveIPC=no in logind.conf, or run loginctl enable-linger for msb's user`;
  }

  /** Keeps an object that was removed from its name while sandboxes write to it; closes any other. */
  #setAside(): void {
    const before = this.#current;
    if (before !== undefined && this.#hadRows && before.stat().nlink === 0) {
      this.#unlinked = [...this.#unlinked, before];
      if (this.#unlinked.length > MAX_UNLINKED) {
        this.#unlinked.shift()?.close();
      }
      this.#current = undefined;
      this.#known = undefined;
      this.#hadRows = false;
    } else {
      this.#closeCurrent();
    }
  }

  #refuse(message: string): RegistryStatus {
    this.#closeCurrent();
    return this.#status('refused', `the registry ${this.#name} ${message}`);
  }

  #closeCurrent(): void {
    this.#current?.close();
    this.#current = undefined;
    this.#hadRows = false;
  }

  #status(state: RegistryState, message = '', capacity = 0, { rows, skipped } = NO_ROWS): RegistryStatus {
    return { name: this.#name, abi: this.#layout.abi, state, message, capacity, rows, skipped };
  }
}
