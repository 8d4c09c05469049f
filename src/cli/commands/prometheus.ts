import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { filter, fromEvent, type Observable } from 'rxjs';
import { findRegistries, prometheusHandler } from '../../index.js';
import { requireSharedMemory } from '../../shm/posix.js';
import { isLoopback } from '../../sinks/otlp/transport/loopback.js';
import { EXIT } from '../exit-status.js';
import type { Log } from '../log.js';
import { readCollectOptions } from '../options/collect-options.js';
import { type ListenAddress, readListenAddress } from '../options/listen-address.js';
import { Reporter } from '../report.js';
import { isForPage, isScrape, PAGE_PATH, scrapeWatch } from '../scrape-watch.js';
import { UsageError } from '../usage-error.js';
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
  const server = createServer((request, response) => answer(request, response, handler.handle));
  const url = await listen(server, address);
  warnIfOpen((server.address() as AddressInfo).address, log);
  log('info', TARGET, 'serving', { url, msb_home: collect.msbHome });
  const requests$ = fromEvent(server, 'request') as Observable<[IncomingMessage, ServerResponse]>;
  const scrapes$ = requests$.pipe(filter(([request]) => isScrape(request)));
  const watch = scrapeWatch(scrapes$).subscribe(({ level, message }) => log(level, TARGET, message, { url }));
  const signal = await signals.next();
  log('info', TARGET, `${signal}: stopped`);
  watch.unsubscribe();
  server.close();
  server.closeAllConnections();
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

function listen(server: Server, { host, port, source }: ListenAddress): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          `${source}: cannot listen on ${host}:${port} (${code}): expected an address of this host and a port that is free`,
        ),
      ),
    );
    server.listen(port, host, () => {
      const { address, port: actual, family } = server.address() as AddressInfo;
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${actual}${PAGE_PATH}`);
    });
  });
}

function warnIfOpen(host: string, log: Log): void {
  if (!isLoopback(host)) {
    log(
      'warn',
      TARGET,
      'the page can be read from other hosts, without TLS and without a token: put a proxy in front, or listen on 127.0.0.1',
      { host },
    );
  }
}
