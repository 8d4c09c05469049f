/** Why a segment can never be read. */
export class SegmentError extends Error {
  override readonly name = 'SegmentError';
}
