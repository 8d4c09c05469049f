/**
 * The most bytes of a request, serialised: 1 MB. gRPC servers refuse messages of more than 4 MiB by default, nginx bodies of
 * more than 1 MiB, and a request is in memory twice while it is sent.
 */
export const MAX_REQUEST_BYTES = 1_000_000;

/**
 * A limit below this is believed only as far as the next request shows it: 64 KiB. No receiver in use has a lower one,
 * and one absurd answer must not cut everything into single samples.
 */
export const LEAST_STATED_BYTES = 64 * 1024;

/** The part of a limit that a receiver stated which is used: its count of bytes may include framing. */
const USED_OF_STATED_LIMIT = 0.95;

/** Acceptances of requests near the limit after which the limit is doubled, at first and at the most. */
const LEAST_PATIENCE = 4;
const MOST_PATIENCE = 256;

/** What is known of the size of request that a receiver accepts. Immutable. */
export interface SizeLimit {
  /** The most bytes of the next request. */
  readonly bytes: number;
  /** The most bytes of any request, whatever the receiver takes. */
  readonly most: number;
  /** Requests of more than half the limit that were accepted since it last changed. */
  readonly accepted: number;
  /**
   * How many must be accepted before the limit grows. Each refusal doubles it, and a stated limit makes it the longest, so
   * that a real limit is tried rarely.
   */
  readonly patience: number;
}

/** Nothing was refused for its size. */
export function noSizeLimit(most: number): SizeLimit {
  return { bytes: most, most, accepted: 0, patience: LEAST_PATIENCE };
}

/** Nothing was refused for its size, and requests are as large as they may be. */
export const NO_SIZE_LIMIT = noSizeLimit(MAX_REQUEST_BYTES);

/**
 * What a refusal for size teaches: the next request is smaller, by what the receiver stated or by half.
 *
 * @param refusedBytes of the refused request
 * @param statedBytes the limit that the receiver stated
 */
export function learnFromSizeRefusal(
  { patience, most }: SizeLimit,
  refusedBytes: number,
  statedBytes: number | undefined,
): SizeLimit {
  const half = Math.floor(refusedBytes / 2);
  const stated = statedBytes !== undefined && statedBytes < refusedBytes ? statedBytes : 0;
  return stated >= LEAST_STATED_BYTES
    ? { bytes: Math.floor(stated * USED_OF_STATED_LIMIT), most, accepted: 0, patience: MOST_PATIENCE }
    : { bytes: half, most, accepted: 0, patience: Math.min(patience * 2, MOST_PATIENCE) };
}

/**
 * What an acceptance teaches: after some of requests near the limit it grows again, up to the most of any request.
 *
 * @param acceptedBytes of the accepted request
 */
export function learnFromSizeAcceptance(limit: SizeLimit, acceptedBytes: number): SizeLimit {
  if (limit.bytes >= limit.most || acceptedBytes < limit.bytes / 2) {
    return limit;
  }
  const accepted = limit.accepted + 1;
  return accepted < limit.patience
    ? { ...limit, accepted }
    : { ...limit, bytes: Math.min(limit.bytes * 2, limit.most), accepted: 0 };
}
