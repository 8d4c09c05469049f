/** Why rows in use were left out of a reading, and how many. A sandbox without its first sample is none of them. */
export interface SkippedRows {
  /** The process is gone, or is not visible and its sample stands still. */
  readonly processGone: number;
  /** The sample is older than the maximal sample age. */
  readonly tooOld: number;
  /** The sample lies further ahead of the clock than the maximal sample age. */
  readonly fromFuture: number;
  /** No whole sample could be read: its writer is suspended, or died while it wrote. */
  readonly torn: number;
  /** The reading had as many rows as one may have, 16,384. */
  readonly tooMany: number;
  /** The slot, or the time of its sample, has a value that this package does not know. */
  readonly unknown: number;
}

/** Nothing was left out. */
export const NO_SKIPPED_ROWS: SkippedRows = {
  processGone: 0,
  tooOld: 0,
  fromFuture: 0,
  torn: 0,
  tooMany: 0,
  unknown: 0,
};

/** The reason why a row was left out. */
export type SkipReason = keyof SkippedRows;

/** All rows left out, whatever the reason. */
export function totalSkipped(skipped: SkippedRows): number {
  return Object.values(skipped).reduce((sum, count) => sum + count, 0);
}

/** The sums of several, by reason. */
export function sumOfSkipped(all: readonly SkippedRows[]): SkippedRows {
  return all.reduce(
    (sum, each) => ({
      processGone: sum.processGone + each.processGone,
      tooOld: sum.tooOld + each.tooOld,
      fromFuture: sum.fromFuture + each.fromFuture,
      torn: sum.torn + each.torn,
      tooMany: sum.tooMany + each.tooMany,
      unknown: sum.unknown + each.unknown,
    }),
    NO_SKIPPED_ROWS,
  );
}
