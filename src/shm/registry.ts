import { closeSync, fstatSync, type Stats } from 'node:fs';
import type { AbiLayout } from './layout.js';
import { isSameObject, OpenRegistry } from './open-registry.js';
import { denialOf } from './owner.js';
import { openSharedMemory, PosixError } from './posix.js';
import { DEFAULT_REGION_ACCESS, type RegionAccess } from './region.js';
import type { RegistryState, RegistryStatus } from './registry-status.js';
import { NO_SKIPPED_ROWS } from './skipped-rows.js';
import type { KnownRuns, RowFilter, RowSink, SlotCounts } from './slots.js';
import { distrustOf, type TrustedOwner } from './trust.js';

/** The most removed objects of one name that are kept open: a bound on descriptors. The oldest is closed beyond it. */
const MAX_UNLINKED = 8;

/**
 * Readings without a row after which a removed object is closed. More than one, because a reading may find a writer
 * suspended, or come after a suspend of the machine.
 */
const MAX_EMPTY_READINGS = 300;

const NO_ROWS: SlotCounts = { rows: 0, used: 0, skipped: NO_SKIPPED_ROWS };

/** An object that was removed from its name. */
interface Unlinked {
  readonly object: OpenRegistry;
  /** Whether a row was read from it after that. */
  readonly hadRows: boolean;
  /** Readings in a row that found no row. */
  readonly emptyReadings: number;
}

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
  readonly #msbHome: string;
  readonly #access: RegionAccess;
  #current: OpenRegistry | undefined;
  #known: KnownObject | undefined;
  #unlinked: Unlinked[] = [];

  /**
   * @param name the object's name, with its leading slash
   * @param layout the layout of the ABI in that name
   * @param msbHome for messages
   */
  constructor(
    name: string,
    layout: AbiLayout,
    msbHome: string,
    access: RegionAccess = DEFAULT_REGION_ACCESS,
  ) {
    this.#name = name;
    this.#layout = layout;
    this.#msbHome = msbHome;
    this.#access = access;
  }

  /**
   * Adds the rows of this registry and says what was found: at its name, and of objects removed from it.
   *
   * @param trusted whose objects are read
   */
  read(filter: RowFilter, sink: RowSink, trusted: TrustedOwner): RegistryStatus[] {
    const found = this.#readCurrent(filter, sink, trusted);
    const statuses = this.#unlinked.map((unlinked) => this.#readUnlinked(unlinked, filter, sink));
    return [found, ...statuses.filter((status) => status !== undefined)];
  }

  /** Closes everything. A later reading opens it again. */
  close(): void {
    this.#closeCurrent();
    for (const { object } of this.#unlinked) {
      object.close();
    }
    this.#unlinked = [];
  }

  #readCurrent(filter: RowFilter, sink: RowSink, trusted: TrustedOwner): RegistryStatus {
    try {
      const stat = this.#follow();
      if (stat === undefined) {
        return this.#status('absent');
      }
      const distrust = distrustOf(stat, trusted, `the registry ${this.#name}`);
      if (distrust !== undefined) {
        this.#closeCurrent();
        return this.#status('untrusted', distrust);
      }
      return this.#readOpen(stat, filter, sink);
    } catch (error) {
      const isDenied = error instanceof PosixError && error.code === 'EACCES';
      // Somebody may have taken the name of a registry that was removed while sandboxes write to it.
      if (isDenied || this.#current?.stat().nlink === 0) {
        this.#setAside();
      }
      if (isDenied) {
        const { state, message } = denialOf(this.#name, this.#msbHome);
        return this.#status(state, message);
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
        return this.#status('attached', '', verdict.capacity, counts);
      }
    }
  }

  #readUnlinked(unlinked: Unlinked, filter: RowFilter, sink: RowSink): RegistryStatus | undefined {
    const { object } = unlinked;
    let counts = NO_ROWS;
    let capacity = 0;
    try {
      const stat = object.stat();
      const verdict = object.judge(stat);
      if (verdict.state === 'ready') {
        capacity = verdict.capacity;
        counts = object.read(stat, capacity, filter, sink);
      }
    } catch {
      // Counts as a reading without a row.
    }
    const next: Unlinked = {
      object,
      hadRows: unlinked.hadRows || counts.rows > 0,
      emptyReadings: counts.rows > 0 ? 0 : unlinked.emptyReadings + 1,
    };
    const isKept = next.emptyReadings < MAX_EMPTY_READINGS;
    if (!isKept) {
      object.close();
    }
    this.#unlinked = this.#unlinked.flatMap((each) => (each !== unlinked ? [each] : isKept ? [next] : []));
    return isKept && next.hadRows
      ? this.#status('unlinked', this.#unlinkedMessage(counts.rows), capacity, counts)
      : undefined;
  }

  #unlinkedMessage(rows: number): string {
    const sandboxes = rows === 1 ? '1 sandbox was' : `${rows} sandboxes were`;
    return `the registry ${this.#name} was removed while ${sandboxes} writing to it: it is read until they stop, but a restarted msb-metrics cannot find it. logind removes the shared memory of a user at logout: set RemoveIPC=no in logind.conf, or run loginctl enable-linger for msb's user`;
  }

  /** Keeps an object that was removed from its name, because sandboxes may write to it; closes any other. */
  #setAside(): void {
    const before = this.#current;
    if (before === undefined || before.stat().nlink > 0) {
      this.#closeCurrent();
      return;
    }
    this.#unlinked = [...this.#unlinked, { object: before, hadRows: false, emptyReadings: 0 }];
    if (this.#unlinked.length > MAX_UNLINKED) {
      this.#unlinked.shift()?.object.close();
    }
    this.#current = undefined;
    this.#known = undefined;
  }

  #refuse(message: string): RegistryStatus {
    this.#closeCurrent();
    return this.#status('refused', `the registry ${this.#name} ${message}`);
  }

  #closeCurrent(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  #status(state: RegistryState, message = '', capacity = 0, counts = NO_ROWS): RegistryStatus {
    return { name: this.#name, abi: this.#layout.abi, state, message, capacity, ...counts };
  }
}
