/**
 * Alerts on a sandbox whose memory rises to a share of its limit, and once more when it has gone below again.
 *
 *     npx tsx examples/memory-alert.ts /var/lib/microsandbox 0.9
 */

import { collections, printable, type Snapshot } from 'msb-metrics';
import { debounceTime, distinctUntilChanged, filter, from, groupBy, map, mergeMap, skipWhile } from 'rxjs';

const [msbHome = `${process.env.HOME}/.microsandbox`, threshold = '0.9'] = process.argv.slice(2);

const memoryRatio = ({ memoryUsedBytes, memoryLimitBytes }: Snapshot): number | undefined =>
  memoryUsedBytes === undefined || !memoryLimitBytes ? undefined : memoryUsedBytes / memoryLimitBytes;

const alerts$ = collections({ msbHome, collectIntervalMillis: 1_000 }).pipe(
  mergeMap((collection) => from(collection)),
  // One stream a sandbox, which ends when the sandbox has not been seen for a minute.
  groupBy(({ name }) => name, { duration: (sandbox$) => sandbox$.pipe(debounceTime(60_000)) }),
  mergeMap((sandbox$) =>
    sandbox$.pipe(
      map((snapshot) => ({ name: snapshot.name, ratio: memoryRatio(snapshot) })),
      filter((reading): reading is { name: string; ratio: number } => reading.ratio !== undefined),
      map(({ name, ratio }) => ({ name, ratio, high: ratio >= Number(threshold) })),
      distinctUntilChanged((before, now) => before.high === now.high),
      skipWhile(({ high }) => !high),
    ),
  ),
);

alerts$.subscribe(({ name, ratio, high }) => {
  console.log(
    `${high ? 'ALERT' : 'over '} ${printable(name)} uses ${(ratio * 100).toFixed(0)} % of its memory`,
  );
});
