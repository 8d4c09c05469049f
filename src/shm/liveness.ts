/** What is remembered of a run to judge whether it is live. */
export interface Liveness {
  /** Time of the newest sample seen, Unix ms. */
  readonly sampledAtMillis: number;
  /** Whether its process was ever seen from here. */
  readonly wasSeen: boolean;
  /** When its sample last advanced, Unix ms; `undefined` if it never did while it was watched. */
  readonly advancedAtMillis: number | undefined;
}

/**
 * How long a row stays live after its sample advanced, ms, if its process cannot be seen: in another PID namespace. The
 * runtime samples about once a second.
 */
export const UNSEEN_PROCESS_MILLIS = 5_000;

/**
 * Judges whether a run is live, and says what to remember.
 *
 * - A sample that advanced was written by a living process: the row is live, and the kernel need not be asked. So the
 *   last sample before a crash is reported.
 * - A sample that stood still: the row is live while its process exists. A process that was seen and is gone ends it. A
 *   process that was never seen may live in another PID namespace: then the row is live for {@link
 *   UNSEEN_PROCESS_MILLIS} after its sample last advanced.
 *
 * @param before what is remembered of the run; `undefined` at the first sight of it
 * @param sampledAtMillis time of its sample, Unix ms
 * @param nowMillis Unix ms
 * @param processExists asks the kernel, which costs more than all the rest
 */
export function judgeLiveness(
  before: Liveness | undefined,
  sampledAtMillis: number,
  nowMillis: number,
  processExists: () => boolean,
): { readonly isLive: boolean; readonly liveness: Liveness } {
  if (before !== undefined && before.sampledAtMillis !== sampledAtMillis) {
    return {
      isLive: true,
      liveness: { sampledAtMillis, wasSeen: before.wasSeen, advancedAtMillis: nowMillis },
    };
  }
  if (processExists()) {
    const liveness =
      before?.wasSeen === true
        ? before
        : { sampledAtMillis, wasSeen: true, advancedAtMillis: before?.advancedAtMillis };
    return { isLive: true, liveness };
  }
  const { wasSeen = false, advancedAtMillis } = before ?? {};
  const hasAdvanced = advancedAtMillis !== undefined && nowMillis - advancedAtMillis < UNSEEN_PROCESS_MILLIS;
  return {
    isLive: !wasSeen && hasAdvanced,
    liveness: before ?? { sampledAtMillis, wasSeen, advancedAtMillis },
  };
}
