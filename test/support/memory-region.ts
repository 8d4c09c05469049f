import type { Region } from '../../src/shm/region.js';

/**
 * A region over bytes of this process.
 *
 * @param afterCopy called after each copy, with the number of copies so far: a writer at the worst moment
 */
export function memoryRegion(bytes: Uint8Array, afterCopy: (copies: number) => void = () => {}): Region {
  let copies = 0;
  return {
    copy: (into, position) => {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      afterCopy(++copies);
      return part.length;
    },
    ranges: (upTo) => [[0, Math.min(upTo, bytes.length)]],
    close: () => {},
  };
}
