import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Observable } from 'rxjs';
import type { Collection } from '../shm/collection.js';
import { describeUser } from '../shm/owner.js';
import { tryLock } from '../shm/posix.js';
import { openSegment, sealSegment } from './segment.js';
import { SegmentError } from './segment-error.js';
import { nameOf, segmentsIn } from './segments-in.js';
import type { Segment, SpoolStore } from './spool-store.js';

/** A directory cannot be a spool. The message says what would be right. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
}

/** Options of {@link openSpool}. */
export interface SpoolOptions {
  /** The directory. It is made, with mode 0700, if its parent is there. */
  readonly directory: string;
  /** The most bytes of all segments; beyond it the oldest are dropped. Default 2 GiB. */
  readonly maxBytes?: number | undefined;
}

/** What is in a spool. */
export interface SpoolStats {
  /** On disk. */
  readonly bytes: number;
  /** Collections that are not done. */
  readonly items: number;
  /** When the oldest segment was written, Unix ms; `undefined` if there is none. */
  readonly oldestAtMillis: number | undefined;
}

/** An open spool of collections: the option `spool` of a sink. */
export interface Spool extends SpoolStore<Collection> {
  /** What is in it now. */
  readonly stats: SpoolStats;
}

/** 2 GiB. */
export const DEFAULT_SPOOL_MAX_BYTES = 2 ** 31;

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Opens a directory as a spool of collections. It is this process's alone until `close`, or until the process ends, however
 * that comes about.
 *
 * @throws {SpoolError} if the directory is another user's, may be written by others, is in use, or cannot be made or read
 */
export function openSpool({ directory, maxBytes = DEFAULT_SPOOL_MAX_BYTES }: SpoolOptions): Spool {
  try {
    requireOwn(directory);
    const lock = lockOf(directory);
    try {
      removeUnfinished(directory);
      return new SpoolDirectory(directory, maxBytes, segmentsIn(directory), lock);
    } catch (error) {
      closeSync(lock);
      throw error;
    }
  } catch (error) {
    if (error instanceof SpoolError) {
      throw error;
    }
    const { code, message } = error as NodeJS.ErrnoException;
    throw new SpoolError(`cannot use ${directory} as a spool (${code ?? message})`);
  }
}

function requireOwn(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
  }
  // A link could lead to a directory of somebody else's.
  const stat = lstatSync(directory);
  if (!stat.isDirectory()) {
    throw new SpoolError(`${directory} is no directory: expected one for the spool alone`);
  }
  const self = process.geteuid?.() ?? stat.uid;
  if (stat.uid !== self) {
    throw new SpoolError(`${directory} belongs to ${describeUser(stat.uid)}, expected ${describeUser(self)}`);
  }
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new SpoolError(`${directory} may be written by others: take that right away (chmod 700)`);
  }
}

function lockOf(directory: string): number {
  const fd = openSync(
    join(directory, 'lock'),
    constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  if (!tryLock(fd)) {
    closeSync(fd);
    throw new SpoolError(`${directory} is in use by another msb-metrics: each needs a directory of its own`);
  }
  return fd;
}

/** What was being written when a process ended is of no use. */
function removeUnfinished(directory: string): void {
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.new'))) {
    rmSync(join(directory, name), { force: true });
  }
}

/** A spool of collections in a directory. */
class SpoolDirectory implements Spool {
  /** What is on disk, by the first item. */
  readonly #there = new Map<number, Segment>();
  readonly #directory: string;
  #lock: number | undefined;

  constructor(
    directory: string,
    readonly maxBytes: number,
    readonly segments: readonly Segment[],
    lock: number,
  ) {
    this.#directory = directory;
    this.#lock = lock;
    for (const segment of segments) {
      this.#there.set(segment.first, segment);
    }
  }

  get stats(): SpoolStats {
    const all = [...this.#there.values()];
    return {
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      items: all.reduce((sum, { items, done }) => sum + items - done, 0),
      oldestAtMillis:
        all.length === 0 ? undefined : Math.min(...all.map(({ writtenAtMillis }) => writtenAtMillis)),
    };
  }

  /** Who does not wait for the end any more, because the disk does not answer, does not want the segment any more either. */
  write(first: number, collections: readonly Collection[]): Observable<Segment> {
    return new Observable((subscriber) => {
      this.#write(first, collections).then(
        (segment) => {
          if (subscriber.closed) {
            void this.remove(segment).catch(() => {});
          } else {
            subscriber.next(segment);
            subscriber.complete();
          }
        },
        (error) => subscriber.error(error),
      );
    });
  }

  async #write(first: number, collections: readonly Collection[]): Promise<Segment> {
    const bytes = await sealSegment(collections);
    const segment = { first, items: collections.length, done: 0 };
    const name = nameOf(segment);
    const unfinished = `${name}.new`;
    try {
      const file = await open(this.#path(unfinished), 'w', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(this.#path(unfinished), this.#path(name));
      await this.#sync();
    } catch (error) {
      // It will be written again, perhaps with more.
      await rm(this.#path(unfinished), { force: true }).catch(() => {});
      await rm(this.#path(name), { force: true }).catch(() => {});
      throw error;
    }
    const written = { ...segment, bytes: bytes.length, writtenAtMillis: Date.now() };
    this.#there.set(first, written);
    return written;
  }

  async read(segment: Segment): Promise<readonly Collection[]> {
    const name = this.#nameOf(segment);
    try {
      return (await openSegment(await readFile(this.#path(name)))).slice(segment.done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#there.delete(segment.first);
        throw new SegmentError(`${this.#path(name)} was removed by somebody else`);
      }
      if (error instanceof SegmentError) {
        this.#there.delete(segment.first);
        await rename(this.#path(name), this.#path(`${name}.bad`));
        await this.#sync();
        throw new SegmentError(`${this.#path(name)} ${error.message}: put aside as ${name}.bad`);
      }
      throw error;
    }
  }

  async keep(segment: Segment): Promise<void> {
    const before = this.#nameOf(segment);
    const now = nameOf(segment);
    await rename(this.#path(before), this.#path(now));
    this.#there.set(segment.first, segment);
    await this.#sync();
  }

  async remove(segment: Segment): Promise<void> {
    await rm(this.#path(this.#nameOf(segment)), { force: true });
    this.#there.delete(segment.first);
    await this.#sync();
  }

  close(): void {
    if (this.#lock !== undefined) {
      closeSync(this.#lock);
      this.#lock = undefined;
    }
  }

  #nameOf(segment: Segment): string {
    return nameOf(this.#there.get(segment.first) ?? segment);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  /** Makes what was renamed or removed outlive a loss of power. */
  async #sync(): Promise<void> {
    const directory = await open(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
