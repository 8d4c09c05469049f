/**
 * The byte layout of the msb metrics registry, ABIs 1 to 3. All integers are little-endian.
 *
 *     0x000  header, 256 bytes
 *     0x100  slot 0, 512 bytes
 *     0x300  slot 1
 *     ...    `capacity` slots in all
 *
 * Source: docs/registry.md, checked there against the vendor's released readers.
 */

/** The first eight bytes of every registry. */
export const MAGIC = 'MSBMET01';

/** Bytes of the region's header, in every known ABI. */
export const HEADER_BYTES = 256;

/** Bytes of one slot, in every known ABI. */
export const SLOT_BYTES = 512;

/** The most slots a registry may claim: 131,072, a region of 64 MiB. The runtime's default is 1,024. */
export const MAX_CAPACITY = 1 << 17;

/**
 * The most rows of one reading, over all registries of an MSB_HOME: 16,384. A row takes about 125 bytes in each collection
 * that is held while sandboxes stay the same, and up to 600 where each reading finds others: 60 full collections take 125 to
 * 600 MB.
 */
export const MAX_ROWS = 1 << 14;

/** Byte offsets in the header. */
export const HEADER = {
  magic: 0x00,
  version: 0x08,
  headerLength: 0x0c,
  slotLength: 0x10,
  capacity: 0x14,
  state: 0x18,
  createdAt: 0x20,
  generation: 0x28,
} as const;

/** Values of the header's state. The creator sets `ready` last. */
export const REGION_STATE = { uninitialised: 0, initialising: 1, ready: 2 } as const;

/** Byte offsets in a slot that are the same in every ABI. */
export const SLOT = {
  state: 0x00,
  generation: 0x08,
  seq: 0x10,
  sandboxId: 0x18,
  runId: 0x1c,
  pid: 0x20,
  startedAt: 0x28,
  sampledAt: 0x30,
} as const;

/** Values of a slot's state. */
export const SLOT_STATE = { free: 0, reserved: 1, active: 2, stale: 3 } as const;

/** The most bytes of a sandbox's name that a slot holds. */
export const MAX_NAME_BYTES = 128;

/** A measured field: where it lies and, where the ABI has sample flags, the bit that says it holds a value. */
export interface FieldLayout {
  /** Byte offset in the slot. */
  readonly offset: number;
  /** Mask in the sample flags; 0 where the field always holds. */
  readonly flag: number;
}

/** What differs from ABI to ABI. A field of `undefined` does not exist there. */
export interface AbiLayout {
  readonly abi: number;
  /** Byte offset of the u32 of sample flags. */
  readonly sampleFlags: number | undefined;
  /** f32, percent of one vCPU. */
  readonly cpuPercent: FieldLayout;
  /** u64 nanoseconds, cumulative. */
  readonly vcpuTime: FieldLayout | undefined;
  /** u64 bytes, as are all that follow. */
  readonly memoryLimit: FieldLayout;
  readonly memoryUsed: FieldLayout;
  readonly memoryAvailable: FieldLayout | undefined;
  readonly memoryHostResident: FieldLayout | undefined;
  readonly diskRead: FieldLayout;
  readonly diskWritten: FieldLayout;
  readonly networkReceived: FieldLayout;
  readonly networkSent: FieldLayout;
  readonly upperUsed: FieldLayout | undefined;
  readonly upperFree: FieldLayout | undefined;
  readonly upperHostAllocated: FieldLayout | undefined;
  /** u16, bytes of the name. */
  readonly nameLength: number;
  /** UTF-8, no terminator. */
  readonly name: number;
}

/** Masks of the sample flags, ABI 2 on; the three of the upper filesystem, ABI 3 on. */
export const SAMPLE_FLAG = {
  cpu: 1 << 0,
  memoryUsed: 1 << 1,
  memoryAvailable: 1 << 2,
  memoryHostResident: 1 << 3,
  upperUsed: 1 << 4,
  upperFree: 1 << 5,
  upperHostAllocated: 1 << 6,
} as const;

const always = (offset: number): FieldLayout => ({ offset, flag: 0 });
const flagged = (offset: number, flag: number): FieldLayout => ({ offset, flag });

const abi1: AbiLayout = {
  abi: 1,
  sampleFlags: undefined,
  cpuPercent: always(0x40),
  vcpuTime: undefined,
  memoryLimit: always(0x38),
  memoryUsed: always(0x48),
  memoryAvailable: undefined,
  memoryHostResident: undefined,
  diskRead: always(0x50),
  diskWritten: always(0x58),
  networkReceived: always(0x60),
  networkSent: always(0x68),
  upperUsed: undefined,
  upperFree: undefined,
  upperHostAllocated: undefined,
  nameLength: 0x70,
  name: 0x78,
};

const abi2: AbiLayout = {
  abi: 2,
  sampleFlags: 0x38,
  memoryLimit: always(0x40),
  vcpuTime: flagged(0x48, SAMPLE_FLAG.cpu),
  cpuPercent: flagged(0x50, SAMPLE_FLAG.cpu),
  memoryUsed: flagged(0x58, SAMPLE_FLAG.memoryUsed),
  memoryAvailable: flagged(0x60, SAMPLE_FLAG.memoryAvailable),
  memoryHostResident: flagged(0x68, SAMPLE_FLAG.memoryHostResident),
  diskRead: always(0x70),
  diskWritten: always(0x78),
  networkReceived: always(0x80),
  networkSent: always(0x88),
  upperUsed: undefined,
  upperFree: undefined,
  upperHostAllocated: undefined,
  nameLength: 0x90,
  name: 0x98,
};

const abi3: AbiLayout = {
  ...abi2,
  abi: 3,
  upperUsed: flagged(0x90, SAMPLE_FLAG.upperUsed),
  upperFree: flagged(0x98, SAMPLE_FLAG.upperFree),
  upperHostAllocated: flagged(0xa0, SAMPLE_FLAG.upperHostAllocated),
  nameLength: 0xa8,
  name: 0xb0,
};

/** The known ABIs, oldest first. */
export const ABI_LAYOUTS: readonly AbiLayout[] = [abi1, abi2, abi3];

/** The newest ABI that this package reads. */
export const NEWEST_ABI = 3;

/** Bytes of a region of `capacity` slots. */
export function regionBytes(capacity: number): number {
  return HEADER_BYTES + capacity * SLOT_BYTES;
}
