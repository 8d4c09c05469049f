import { closeSync, constants } from 'node:fs';
import type * as Koffi from 'koffi';
import { loadNative } from './koffi.js';

/**
 * The calls that Node does not have. koffi is loaded at the first call, never by an import. This is the one file that
 * calls foreign functions.
 */
interface Posix {
  shmOpen(name: string, flags: number, mode: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  munmap(address: bigint, length: number): number;
  flock(fd: number, operation: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  errno(): number;
  view(address: bigint, length: number): ArrayBuffer;
  codes: Readonly<Record<string, number>>;
}

const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffffffffffffffffn;
/** Linux, asm-generic. Other systems have other numbers. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** This system cannot read POSIX shared memory, and will not until something is installed: do not try again. */
export class UnsupportedSystemError extends Error {
  override readonly name = 'UnsupportedSystemError';
}

let loaded: Posix | undefined;

function posix(): Posix {
  loaded ??= load();
  return loaded;
}

function load(): Posix {
  if (process.platform === 'win32') {
    throw new UnsupportedSystemError(
      'msb-metrics reads POSIX shared memory, which Windows does not have: run it on Linux or macOS',
    );
  }
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  return {
    shmOpen: shmOpenOf(koffi, libc),
    lseek: libc.func('int64 lseek(int fd, int64 offset, int whence)'),
    mmap: libc.func(
      'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64 offset)',
    ),
    munmap: libc.func('int munmap(void *address, size_t length)'),
    flock: libc.func('int flock(int fd, int operation)'),
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    bind: libc.func('int bind(int fd, const void *address, uint length)'),
    errno: () => koffi.errno(),
    view: (address, length) => koffi.view(address, length),
    codes: koffi.os.errno,
  };
}

/** The library that calls C. */
export function loadKoffi(): typeof Koffi {
  try {
    return loadNative();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new UnsupportedSystemError(
      `cannot load koffi, which calls the C library (${reason}): it has builds for Linux (glibc and musl) and macOS, x64 and arm64; install msb-metrics again on this machine`,
    );
  }
}

const SHM_OPEN = 'int shm_open(const char *name, int flags, uint mode)';

/** glibc has shm_open in librt before 2.34, which Node does not link. */
function shmOpenOf(koffi: typeof Koffi, libc: ReturnType<typeof Koffi.load>): Posix['shmOpen'] {
  try {
    return libc.func(SHM_OPEN);
  } catch {
    try {
      return koffi.load('librt.so.1').func(SHM_OPEN);
    } catch {
      throw new UnsupportedSystemError(
        'the C library has no shm_open, and there is no librt.so.1 that has it: on glibc before 2.34 install the package with librt.so.1 (libc6)',
      );
    }
  }
}

/** Parameters of glibc's mallopt. Source: malloc.h, mallopt(3). */
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** A collection of 600 sandboxes is larger. */
const LARGE_BYTES = 64 * 1024;

/**
 * Makes the C library keep less memory that nobody uses, for the whole process: threads that are yet to allocate share one heap
 * instead of having one each, and large buffers go back to the system when they are freed, however large those before
 * were. Does nothing where the C library has no such settings.
 */
export function useOneHeap(): void {
  try {
    const mallopt = loadNative().load(null).func('int mallopt(int parameter, int value)');
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
  } catch {
    // musl and macOS have no mallopt. Without koffi the program fails later, where it needs koffi.
  }
}

/**
 * Ends the process at once. `process.exit` first waits for the threads of Node, and a thread that asks a silent name
 * server does not return for half a minute. Standard output and error must have been written.
 */
export function exitAtOnce(status: number): never {
  try {
    loadNative().load(null).func('void _exit(int status)')(status);
  } catch {
    // Without koffi there is only the slower way.
  }
  process.exit(status);
}

/**
 * Loads what reading shared memory needs.
 *
 * @throws {UnsupportedSystemError} if this system does not have it
 */
export function requireSharedMemory(): void {
  posix();
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
 * Opens a shared-memory object for reading. Never blocks: anybody may put a pipe at a name in /dev/shm, and opening a
 * pipe waits for its writer.
 *
 * @param name with its leading slash
 * @returns a file descriptor, which the caller closes; `undefined` if there is no such object
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

/**
 * The parts of an object that were ever written, as `[from, to)` pairs of byte positions in ascending order. The rest
 * are holes, which read as zeros. The whole object on a system that cannot tell.
 *
 * @param bytes the object's size
 */
export function* dataRanges(fd: number, bytes: number): Generator<readonly [from: number, to: number]> {
  const { platform } = process;
  let at = 0;
  while (at < bytes) {
    const from = platform === 'linux' ? Number(posix().lseek(fd, at, SEEK_DATA)) : at;
    if (from < 0) {
      // ENXIO: there is no data from here on. Anything else: this file system cannot tell.
      if (posix().errno() !== posix().codes.ENXIO) {
        yield [at, bytes];
      }
      return;
    }
    const hole = platform === 'linux' ? Number(posix().lseek(fd, from, SEEK_HOLE)) : bytes;
    const to = hole > from ? Math.min(hole, bytes) : bytes;
    if (from < bytes) {
      yield [from, to];
    }
    at = to;
  }
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
 * @throws {PosixError} if the system refuses
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

/** LOCK_EX and LOCK_NB, on Linux and macOS. */
const EXCLUSIVE_AT_ONCE = 6;

/** Locks an open file for this process, until it is closed or the process ends. Returns whether nobody else has it. */
export function tryLock(fd: number): boolean {
  return posix().flock(fd, EXCLUSIVE_AT_ONCE) === 0;
}

/** Linux, on x64 and arm64. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

/**
 * Takes the name of an abstract socket, which is no file, for as long as this process lives. Nothing listens on it: Node's own
 * server would load the modules of clusters and child processes. On Linux alone. Source: unix(7).
 *
 * @param name at most 100 bytes
 * @returns whether nobody else has it; true also where the system does not tell
 */
export function takeAbstractName(name: string): boolean {
  const fd = posix().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return true;
  }
  const address = Buffer.from(`..\0${name}`);
  address.writeUInt16LE(AF_UNIX);
  if (posix().bind(fd, address, address.length) === 0) {
    return true;
  }
  const isTaken = posix().errno() === posix().codes.EADDRINUSE;
  closeSync(fd);
  return !isTaken;
}
