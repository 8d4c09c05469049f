import { readSync } from 'node:fs';
import { dataRanges, mapReadOnly } from './posix.js';

/**
 * How the bytes of a registry are copied out of shared memory.
 *
 * - `read`: pread(2). It reads a hole of the sparse object as zeros without allocating a page, and an object that is
 *   truncated meanwhile gives fewer bytes.
 * - `map`: mmap(2). Reading a hole allocates a page, and an object that is truncated meanwhile kills the process by
 *   SIGBUS. For macOS, where shared memory cannot be read.
 */
export type RegionAccess = 'read' | 'map';

/** The access that this system needs. */
export const DEFAULT_REGION_ACCESS: RegionAccess = process.platform === 'darwin' ? 'map' : 'read';

/** The bytes of one shared-memory object. */
export interface Region {
  /**
   * Copies bytes of the object into a private buffer. All loads of one call come before those of the next.
   *
   * @param into filled from its beginning
   * @param position of the first byte in the object
   * @returns the number of bytes copied: less than `into.length` where the object ends before
   */
  copy(into: Uint8Array, position: number): number;
  /** The parts of the first `bytes` bytes that may hold something but zeros, see {@link dataRanges}. */
  ranges(bytes: number): Iterable<readonly [from: number, to: number]>;
  /** Releases what the region holds, but not the descriptor. */
  close(): void;
}

/**
 * @param fd open for reading
 * @param bytes the object's size, which must not have shrunk
 */
export function openRegion(fd: number, bytes: number, access: RegionAccess): Region {
  return access === 'map' ? mappedRegion(fd, bytes) : readRegion(fd);
}

/**
 * Two reads are two system calls. On arm64 a system call does not order the loads of the program, but the kernel takes
 * and returns a reference to the page around each copy, by atomic operations that order everything before them before
 * everything after them. The fence orders them once more, whatever the kernel does.
 */
function readRegion(fd: number): Region {
  return {
    copy: (into, position) => {
      fence();
      return readSync(fd, into, 0, into.length, position);
    },
    ranges: (bytes) => dataRanges(fd, bytes),
    close: () => {},
  };
}

function mappedRegion(fd: number, bytes: number): Region {
  const mapping = mapReadOnly(fd, bytes);
  const mapped = new Uint8Array(mapping.buffer);
  return {
    copy: (into, position) => {
      fence();
      const part = mapped.subarray(position, position + into.length);
      into.set(part);
      fence();
      return part.length;
    },
    ranges: (upTo) => [[0, Math.min(bytes, upTo)]],
    close: () => mapping.unmap(),
  };
}

const fenced = new Int32Array(new SharedArrayBuffer(4));

/** A locked read-modify-write: neither the compiler nor the processor moves a load across it. */
function fence(): void {
  Atomics.add(fenced, 0, 1);
}
