import { NEVER } from 'rxjs';
import { expect, it } from 'vitest';
import { isScrape, SILENT_SCRAPE_MILLIS, scrapeWatch } from '../../src/cli/scrape-watch.js';
import { marbles } from '../support/marbles.js';

const records = {
  w: {
    level: 'warn',
    message: 'nobody has scraped for five minutes: is this address in the configuration of Prometheus?',
  },
  i: { level: 'info', message: 'somebody scrapes again' },
};

it('nobody scraping is warned of once, and its end is said once', () => {
  expect(SILENT_SCRAPE_MILLIS).toBe(300_000);
  marbles(({ cold, expectObservable }, scheduler) => {
    expectObservable(scrapeWatch(NEVER, scheduler)).toBe('300s w', records);
    const regular$ = cold('299s r 299s r 299s |');
    expectObservable(scrapeWatch(regular$, scheduler), '800s !').toBe('');
    const gap$ = cold('200s r 400s r 1s r');
    expectObservable(scrapeWatch(gap$, scheduler), '800s !').toBe('500s w 100s i', records);
  });
});

it.each([
  ['GET', '/metrics', true],
  ['GET', '/metrics?debug=1', true],
  ['GET', '/', false],
  ['GET', '/metricsx', false],
  ['HEAD', '/metrics', false],
  ['POST', '/metrics', false],
])('%s %s is a scrape: %s', (method, url, expected) => {
  expect(isScrape({ method, url })).toBe(expected);
});
