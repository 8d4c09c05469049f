import { closeSync, constants, ftruncateSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const shmOpen = libc.func('int shm_open(const char *name, int flags, uint mode)');
const shmUnlink = libc.func('int shm_unlink(const char *name)');
const mmap = libc.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64 offset)',
);
const munmap = libc.func('int munmap(void *address, size_t length)');

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Opens a shared-memory object for writing, making it if there is none. Returns its descriptor. */
export function openForWriting(name: string): number {
  const fd = shmOpen(name, constants.O_RDWR | constants.O_CREAT, 0o600);
  if (fd < 0) {
    throw new Error(`shm_open ${name}: errno ${koffi.errno()}`);
  }
  return fd;
}

/** Removes a shared-memory object's name. Returns whether there was one. */
export function unlinkSharedMemory(name: string): boolean {
  return shmUnlink(name) === 0;
}

/** A writable mapping. */
export interface WritableMapping {
  readonly buffer: ArrayBuffer;
  unmap(): void;
}

/** Makes an object of `bytes` bytes under `name`, or resizes the one that is there, and maps it. */
export function mapForWriting(name: string, bytes: number): WritableMapping {
  const fd = openForWriting(name);
  try {
    ftruncateSync(fd, bytes);
    const address = mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
    return {
      buffer: koffi.view(address, bytes),
      unmap: () => {
        munmap(address, bytes);
      },
    };
  } finally {
    closeSync(fd);
  }
}
