import {
  asyncScheduler,
  concat,
  filter,
  map,
  type Observable,
  of,
  type SchedulerLike,
  scan,
  startWith,
  switchMap,
  timer,
} from 'rxjs';
import type { LogLevel } from './log-filter.js';

/** How long nobody may ask for the page before it is warned of, ms. */
export const SILENT_SCRAPE_MILLIS = 300_000;

/** The path of the page. */
export const PAGE_PATH = '/metrics';

/** Whether a request is for the page. */
export const isForPage = ({ url }: { readonly url?: string | undefined }): boolean =>
  url?.split('?')[0] === PAGE_PATH;

/** Whether a request is a scrape: one for another path, or with another method, is somebody else's, or a mistake. */
export const isScrape = (request: {
  readonly url?: string | undefined;
  readonly method?: string | undefined;
}): boolean => request.method === 'GET' && isForPage(request);

/** A record for the log. */
export interface ScrapeRecord {
  readonly level: LogLevel;
  readonly message: string;
}

/**
 * Notices that nobody scrapes: warns once when that has lasted {@link SILENT_SCRAPE_MILLIS}, and says when it is over.
 *
 * @param scrapes$ emits at each scrape
 * @param scheduler Default `asyncScheduler`
 */
export function scrapeWatch(
  scrapes$: Observable<unknown>,
  scheduler: SchedulerLike = asyncScheduler,
): Observable<ScrapeRecord> {
  const isSilent$ = scrapes$.pipe(
    startWith(undefined),
    switchMap(() => concat(of(false), timer(SILENT_SCRAPE_MILLIS, scheduler).pipe(map(() => true)))),
  );
  return isSilent$.pipe(
    scan((state, isSilent) => ({ was: state.is, is: isSilent }), { was: false, is: false }),
    filter(({ was, is }) => was !== is),
    map(({ is }) =>
      is
        ? {
            level: 'warn',
            message:
              'nobody has scraped for five minutes: is this address in the configuration of Prometheus?',
          }
        : { level: 'info', message: 'somebody scrapes again' },
    ),
  );
}
