import { constants } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

/**
 * The calls that Node does not have: shm_open, mmap, munmap. koffi is loaded at the first call, never by an
 * import. This is the one file that calls foreign functions.
 */
interface Posix {
  shmOpen(name: string, flags: number, mode: number): number;
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  munmap(address: bigint, length: number): number;
  errno(): number;
  view(address: bigint, length: number): ArrayBuffer;
  codes: Readonly<Record<string, number>>;
}

const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffffffffffffffffn;

let loaded: Posix | undefined;

function posix(): Posix {
  if (loaded === undefined) {
    if (process.platform === 'win32') {
      throw new Error(
        'msb-metrics reads POSIX shared memory, which Windows does not have: run it on Linux or macOS',
      );
    }
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const libc = koffi.load(null);
    loaded = {
      shmOpen: libc.func('int shm_open(const char *name, int flags, uint mode)'),
      mmap: libc.func(
        'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64 offset)',
      ),
      munmap: libc.func('int munmap(void *address, size_t length)'),
      errno: () => koffi.errno(),
      view: (address, length) => koffi.view(address, length),
      codes: koffi.os.errno,
    };
  }
  return loaded;
}

/** A system call that failed; `code` is the symbolic errno, such as `EACCES`. */
export class PosixError extends Error {
  override readonly name = 'PosixError';

  constructor(
    readonly call: string,
    readonly code: string,
  ) {
    super(`${call}: ${code}`);
  }
}

function lastError(call: string): PosixError {
  const errno = posix().errno();
  const code = Object.entries(posix().codes).find(([, value]) => value === errno)?.[0];
  return new PosixError(call, code ?? `errno ${errno}`);
}

/**
 * Opens a shared-memory object for reading. Does not block, whatever is there: anybody may put a pipe at a name in
 * /dev/shm, and opening one waits for its writer.
 *
 * @param name with its leading slash
 * @returns a file descriptor, the caller's to close; `undefined` where there is no such object
 * @throws {PosixError} for every other failure
 */
export function openSharedMemory(name: string): number | undefined {
  const fd = posix().shmOpen(name, constants.O_RDONLY | constants.O_NONBLOCK, 0);
  if (fd >= 0) {
    return fd;
  }
  if (posix().errno() === posix().codes.ENOENT) {
    return undefined;
  }
  throw lastError('shm_open');
}

/** A read-only mapping. After `unmap`, touching `buffer` crashes the process: it must not be kept. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  unmap(): void;
}

/**
 * Maps the first `length` bytes of an object, shared and read-only, without copying. The descriptor may be closed
 * afterwards.
 *
 * @throws {PosixError} where the system refuses
 */
export function mapReadOnly(fd: number, length: number): Mapping {
  const address = posix().mmap(null, length, PROT_READ, MAP_SHARED, fd, 0);
  if (address === MAP_FAILED || address === null) {
    throw lastError('mmap');
  }
  return {
    buffer: posix().view(address, length),
    unmap: () => {
      posix().munmap(address, length);
    },
  };
}
