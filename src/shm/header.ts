import {
  HEADER,
  HEADER_BYTES,
  MAGIC,
  MAX_CAPACITY,
  REGION_STATE,
  regionBytes,
  SLOT_BYTES,
} from './layout.js';

/** What the header of a region says about it. */
export type HeaderVerdict =
  | { readonly state: 'initialising' }
  | { readonly state: 'ready'; readonly capacity: number }
  | { readonly state: 'refused'; readonly message: string };

const refused = (message: string): HeaderVerdict => ({ state: 'refused', message });

/**
 * Judges a region by its size alone, before any byte of it is read: touching a mapping past the end of an object is
 * SIGBUS. `undefined` means that there is a whole header to judge by.
 *
 * @param bytes the object's size
 */
export function judgeSize(bytes: number): HeaderVerdict | undefined {
  if (bytes === 0) {
    return { state: 'initialising' };
  }
  return bytes < HEADER_BYTES
    ? refused(`is ${bytes} bytes long: expected at least the ${HEADER_BYTES} of a header`)
    : undefined;
}

/**
 * Judges a region by its header.
 *
 * @param header a copy of at least the first 256 bytes
 * @param bytes the object's size
 * @param abi the ABI in the object's name
 */
export function judgeHeader(header: ArrayBuffer, bytes: number, abi: number): HeaderVerdict {
  const u32 = new Uint32Array(header, 0, HEADER_BYTES / 4);
  const state = u32[HEADER.state / 4];
  if (state === REGION_STATE.uninitialised || state === REGION_STATE.initialising) {
    return { state: 'initialising' };
  }
  const magic = Buffer.from(header, HEADER.magic, MAGIC.length);
  if (magic.toString('latin1') !== MAGIC) {
    return refused(`has the magic ${printable(magic)}: expected "${MAGIC}"`);
  }
  if (state !== REGION_STATE.ready) {
    return refused(`has the state ${state}: expected ${REGION_STATE.ready} (ready)`);
  }
  const expectations: readonly [string, number, number][] = [
    ['layout version', u32[HEADER.version / 4], abi],
    ['header length', u32[HEADER.headerLength / 4], HEADER_BYTES],
    ['slot length', u32[HEADER.slotLength / 4], SLOT_BYTES],
  ];
  for (const [what, found, expected] of expectations) {
    if (found !== expected) {
      return refused(`has the ${what} ${found}: expected ${expected}`);
    }
  }
  const capacity = u32[HEADER.capacity / 4];
  if (capacity === 0 || capacity > MAX_CAPACITY) {
    return refused(`has a capacity of ${capacity} slots: expected 1 to ${MAX_CAPACITY}`);
  }
  const needed = regionBytes(capacity);
  if (bytes < needed) {
    return refused(`is ${bytes} bytes long: expected at least ${needed} for its ${capacity} slots`);
  }
  return { state: 'ready', capacity };
}

function printable(magic: Buffer): string {
  return /^[ -~]+$/.test(magic.toString('latin1'))
    ? `"${magic.toString('latin1')}"`
    : `0x${magic.toString('hex')}`;
}
