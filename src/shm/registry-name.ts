const FNV_OFFSET_BASIS = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const U64 = 0xffffffffffffffffn;

/** 64-bit FNV-1a of `bytes`, as 16 lower-case hexadecimal digits. */
function fnv1a64(bytes: Uint8Array): string {
  let hash = FNV_OFFSET_BASIS;
  for (const byte of bytes) {
    hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & U64;
  }
  return hash.toString(16).padStart(16, '0');
}

/**
 * The name of the shared-memory object that holds the registry of one ABI of an MSB_HOME:
 * `/msb-met-<hash>-v<abi>`. The hash is over the path's bytes exactly as given, so `/x` and `/x/` are two homes.
 *
 * @param msbHome the MSB_HOME, as msb has it
 * @param abi the registry's ABI: 1, 2 or 3
 */
export function registryName(msbHome: string, abi: number): string {
  return `/msb-met-${fnv1a64(Buffer.from(msbHome, 'utf8'))}-v${abi}`;
}
