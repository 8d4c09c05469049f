import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Observable } from 'rxjs';
import type { Collection } from '../shm/collection.js';
import { describeUser } from '../shm/owner.js';
import { tryLock } from '../shm/posix.js';
import { openSegment, sealSegment } from './segment.js';
import { SegmentError } from './segment-error.js';
import { nameOf, putAsideIn, putAsideNameOf, segmentsIn, type UnreadableFile } from './segments-in.js';
import { bytesIn, type Segment, type SpoolStore } from './spool-store.js';

/** A directory cannot be a spool. The message says what would be right. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
}

/** Options of {@link openSpool}. */
export interface SpoolOptions {
  /** The directory. It is made, with mode 0700, if its parent is there. */
  readonly directory: string;
  /** The most bytes of all segments, those that could not be read included; beyond it the oldest are dropped. Default 2 GiB. */
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

/** How often a segment is tried to be read: a bad sector must not hold up all that is newer. */
const MOST_FAILURES = 3;

const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/**
 * Opens a directory as a spool of collections. It is this process's alone until `close`, or until the process ends, however
 * that comes about.
 *
 * @throws {SpoolError} if the directory is another user's, may be written by others, is in use, or cannot be made or read
 */
export function openSpool({ directory: given, maxBytes = DEFAULT_SPOOL_MAX_BYTES }: SpoolOptions): Spool {
  // A link with a slash behind it would be followed.
  const directory = given.replace(/(?<=.)\/+$/u, '');
  try {
    requireOwn(directory);
    const lock = lockOf(directory);
    try {
      removeUnfinished(directory);
      return new SpoolDirectory(directory, maxBytes, segmentsIn(directory), putAsideIn(directory), lock);
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
  const found = lstatSync(directory);
  if (!found.isDirectory()) {
    throw new SpoolError(`${directory} is no directory: expected one for the spool alone`);
  }
  const self = process.geteuid?.() ?? found.uid;
  if (found.uid !== self) {
    throw new SpoolError(
      `${directory} belongs to ${describeUser(found.uid)}, expected ${describeUser(self)}`,
    );
  }
  const parent = statSync(dirname(resolve(directory)));
  if ((parent.mode & WRITABLE_BY_ALL) !== 0 && (parent.mode & STICKY) === 0) {
    throw new SpoolError(`${directory} lies in a directory in which everybody may put another in its place`);
  }
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new SpoolError(`${directory} may be written by others: take that right away (chmod 700)`);
  }
}

/** Locks the directory itself: a file in it could be removed. */
function lockOf(directory: string): number {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  if (!tryLock(fd)) {
    closeSync(fd);
    throw new SpoolError(`${directory} is in use by another msb-metrics: each needs a directory of its own`);
  }
  return fd;
}

const UNFINISHED = /^\d{16}-\d+-0\.segment\.new$/u;

/** What was being written when a process ended is of no use. */
function removeUnfinished(directory: string): void {
  for (const name of readdirSync(directory).filter((each) => UNFINISHED.test(each))) {
    rmSync(join(directory, name), { force: true });
  }
}

/** A spool of collections in a directory. */
class SpoolDirectory implements Spool {
  /** What is on disk, by the first item. */
  readonly #there = new Map<number, Segment>();
  /** What is done, and has not been removed yet. */
  readonly #gone = new Map<number, Segment>();
  /** How often each segment could not be read. */
  readonly #failures = new Map<number, number>();
  readonly #directory: string;
  /** What could not be read and is still there, the oldest first. */
  #unreadable: readonly UnreadableFile[];
  #lock: number | undefined;
  #underWay: Promise<unknown> | undefined;
  #isClaimed = false;

  constructor(
    directory: string,
    readonly maxBytes: number,
    readonly segments: readonly Segment[],
    unreadable: readonly UnreadableFile[],
    lock: number,
  ) {
    this.#directory = directory;
    this.#unreadable = unreadable;
    this.#lock = lock;
    for (const segment of segments) {
      this.#there.set(segment.first, segment);
    }
  }

  get stats(): SpoolStats {
    let bytes = 0;
    let items = 0;
    let oldestAtMillis: number | undefined;
    for (const segment of this.#there.values()) {
      bytes += segment.bytes;
      items += segment.items - segment.done;
      oldestAtMillis = Math.min(oldestAtMillis ?? segment.writtenAtMillis, segment.writtenAtMillis);
    }
    return { bytes, items, oldestAtMillis };
  }

  /** Who does not wait for the end any more, because the disk does not answer, does not want the segment any more either. */
  write(first: number, collections: readonly Collection[]): Observable<Segment> {
    return new Observable((subscriber) => {
      this.#alone(async () => {
        await this.#requireDirectory();
        await this.#removeGone();
        const segment = await this.#write(first, collections);
        await this.#makeRoom();
        if (subscriber.closed) {
          this.#gone.set(first, segment);
          await this.#removeGone();
        }
        return segment;
      }).then(
        (segment) => {
          subscriber.next(segment);
          subscriber.complete();
        },
        (error) => subscriber.error(error),
      );
    });
  }

  read(segment: Segment): Promise<readonly Collection[]> {
    return this.#alone(() => this.#read(segment));
  }

  keep(segment: Segment): Promise<void> {
    return this.#alone(async () => {
      const before = this.#nameOf(segment);
      await rename(this.#path(before), this.#path(nameOf(segment)));
      this.#there.set(segment.first, segment);
      await this.#sync();
    });
  }

  remove(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      this.#gone.set(segment.first, segment);
    }
    return this.#alone(() => this.#removeGone());
  }

  claim(): void {
    if (this.#isClaimed || this.#lock === undefined) {
      throw new SpoolError(
        `${this.#directory} is the spool of one sink, and was closed or is in use: open it anew`,
      );
    }
    this.#isClaimed = true;
  }

  close(): void {
    const lock = this.#lock;
    this.#lock = undefined;
    if (lock === undefined) {
      return;
    }
    if (this.#underWay === undefined) {
      closeSync(lock);
    } else {
      // What is under way is of this process still.
      void this.#underWay.catch(() => {}).then(() => closeSync(lock));
    }
  }

  /** One call at a time. A disk that has not answered the last one is not asked again: each call takes a thread of Node.js. */
  async #alone<R>(call: () => Promise<R>): Promise<R> {
    if (this.#underWay !== undefined) {
      throw new Error('the disk has still not answered the last call');
    }
    const underWay = call();
    this.#underWay = underWay;
    try {
      return await underWay;
    } finally {
      this.#underWay = undefined;
    }
  }

  /** What is at the path now may be another directory, or none: then it is judged, and locked, as at the start. */
  async #requireDirectory(): Promise<void> {
    if (this.#lock === undefined) {
      throw new SpoolError(`${this.#directory} was closed`);
    }
    const own = fstatSync(this.#lock);
    const there = await stat(this.#directory).catch(() => undefined);
    if (there?.ino !== own.ino || there?.dev !== own.dev) {
      requireOwn(this.#directory);
      const before = this.#lock;
      this.#lock = lockOf(this.#directory);
      closeSync(before);
    }
  }

  async #write(first: number, collections: readonly Collection[]): Promise<Segment> {
    const bytes = await sealSegment(collections);
    const segment = { first, items: collections.length, done: 0 };
    const name = nameOf(segment);
    const unfinished = `${name}.new`;
    let isRenamed = false;
    try {
      const file = await open(this.#path(unfinished), 'w', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(this.#path(unfinished), this.#path(name));
      isRenamed = true;
      await this.#sync();
    } catch (error) {
      // It will be written again, perhaps with more.
      await rm(this.#path(isRenamed ? name : unfinished), { force: true }).catch(() => {});
      throw error;
    }
    const written = { ...segment, bytes: bytes.length, writtenAtMillis: Date.now() };
    this.#there.set(first, written);
    return written;
  }

  async #read(segment: Segment): Promise<readonly Collection[]> {
    const name = this.#nameOf(segment);
    try {
      const collections = await openSegment(await readFile(this.#path(name)));
      if (collections.length !== segment.items) {
        throw new SegmentError(`has ${collections.length} collections, and its name says ${segment.items}`);
      }
      return collections.slice(segment.done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#there.delete(segment.first);
        throw new SegmentError(`${this.#path(name)} was removed by somebody else`);
      }
      if (error instanceof SegmentError) {
        this.#there.delete(segment.first);
        const putAside = putAsideNameOf(name);
        await rename(this.#path(name), this.#path(putAside)).catch(() => {});
        this.#unreadable = [...this.#unreadable, { name: putAside, bytes: segment.bytes }];
        throw new SegmentError(`${this.#path(name)} ${error.message}: put aside as ${putAside}`);
      }
      const failures = (this.#failures.get(segment.first) ?? 0) + 1;
      this.#failures.set(segment.first, failures);
      if (failures < MOST_FAILURES) {
        throw error;
      }
      this.#there.delete(segment.first);
      this.#unreadable = [...this.#unreadable, { name, bytes: segment.bytes }];
      throw new SegmentError(
        `${this.#path(name)} could not be read ${failures} times (${(error as Error).message}): left where it is, until the next start`,
      );
    }
  }

  /** What could not be read is the first to go. */
  async #makeRoom(): Promise<void> {
    let tooMuch = this.stats.bytes + bytesIn(this.#unreadable) - this.maxBytes;
    while (tooMuch > 0 && this.#unreadable.length > 0) {
      const [oldest, ...rest] = this.#unreadable;
      await rm(this.#path(oldest.name), { force: true }).catch(() => {});
      this.#unreadable = rest;
      tooMuch -= oldest.bytes;
    }
  }

  /** What is done goes away, also if it could not before. */
  async #removeGone(): Promise<void> {
    if (this.#gone.size === 0) {
      return;
    }
    for (const segment of this.#gone.values()) {
      await rm(this.#path(this.#nameOf(segment)), { force: true });
      this.#there.delete(segment.first);
      this.#gone.delete(segment.first);
    }
    await this.#sync();
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
