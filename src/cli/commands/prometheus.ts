import type { IncomingMessage, ServerResponse } from 'node:http';
import { BehaviorSubject, filter, fromEvent, type Observable } from 'rxjs';
import { findRegistries, prometheusHandler } from '../../index.js';
import { requireSharedMemory } from '../../shm/posix.js';
import { EXIT } from '../exit-status.js';
import { listenForHttp, warnIfOpen } from '../http-server.js';
import { readCollectOptions } from '../options/collect-options.js';
import { readListenAddress } from '../options/listen-address.js';
import { Reporter } from '../report.js';
import { isForPage, isScrape, PAGE_PATH, scrapeWatch } from '../scrape-watch.js';
import type { ServiceState } from '../systemd/notifications.js';
import { startedBySystemd } from '../systemd/started-by-systemd.js';
import { unlessStopped } from '../unless-stopped.js';
import type { CommandContext } from './context.js';

const TARGET = 'msb_metrics::prometheus';

/** Serves the page until a signal. */
export async function runPrometheus({ options, environment, signals, log }: CommandContext): Promise<number> {
  const collect = readCollectOptions(options);
  const address = readListenAddress(options, environment);
  requireSharedMemory();
  const reporter = new Reporter(log, { msbHome: collect.msbHome, findRegistries });
  const handler = prometheusHandler({
    ...collect,
    timestamps: options.switch('timestamps'),
    emitRunId: options.switch('emit-run-id'),
    emitPid: options.switch('emit-pid'),
    onCollected: (collection) => reporter.report({ type: 'collected', collection }),
  });
  const listening = listenForHttp(address, (request, response) => answer(request, response, handler.handle));
  const http = await unlessStopped(listening, signals, log);
  const { server, origin } = http;
  const url = origin + PAGE_PATH;
  warnIfOpen(http, 'the page', TARGET, log);
  log('info', TARGET, 'serving', { url, msb_home: collect.msbHome });
  const requests$ = fromEvent(server, 'request') as Observable<[IncomingMessage, ServerResponse]>;
  const scrapes$ = requests$.pipe(filter(([request]) => isScrape(request)));
  const watch = scrapeWatch(scrapes$).subscribe(({ level, message }) => log(level, TARGET, message, { url }));
  const state = { isReady: true, isStopping: false, status: `serving ${url}`, isAlive: () => true };
  const states$ = new BehaviorSubject<ServiceState>(state);
  const tell = await startedBySystemd(environment, log);
  tell?.(states$);
  const signal = await signals.next();
  states$.next({ ...state, isStopping: true, status: 'stopping' });
  states$.complete();
  log('info', TARGET, `${signal}: stopped`);
  watch.unsubscribe();
  http.close();
  handler.close();
  return EXIT.clean;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  if (isForPage(request)) {
    handle(request, response);
    return;
  }
  response.writeHead(404, { 'content-type': 'text/plain' }).end(`The page is ${PAGE_PATH}\n`);
}
