import type { IncomingMessage, ServerResponse } from 'node:http';
import { endWith, fromEvent, ignoreElements, type Observable, share, takeUntil, withLatestFrom } from 'rxjs';
import type { Spool } from '../../index.js';
import { CONTENT_TYPE } from '../../sinks/prometheus/content-type.js';
import { listenForHttp, warnIfOpen } from '../http-server.js';
import type { Log } from '../log.js';
import type { ListenAddress } from '../options/listen-address.js';
import type { Health } from './health.js';
import { type HealthObserver, moment } from './health-of.js';
import { statusDocument } from './status-document.js';
import { liveness, readiness, type Verdict } from './verdicts.js';

const TARGET = 'msb_metrics::health';

/** What the answers need beside the health. */
export interface ServiceFacts {
  readonly collectIntervalMillis: number;
  readonly spool: Spool | undefined;
}

/**
 * Serves `/healthz`, `/readyz`, `/status` and `/metrics`, as long as the service lives.
 *
 * @returns what answers the requests from then on
 * @throws {ListenError} where the address cannot be listened on
 */
export async function healthServer(
  address: ListenAddress,
  facts: ServiceFacts,
  log: Log,
): Promise<HealthObserver> {
  const http = await listenForHttp(address, () => {});
  warnIfOpen(http, 'the state of this process', TARGET, log);
  log('info', TARGET, 'serving', { url: http.origin });
  return (health$) => {
    const shared$ = health$.pipe(share());
    const ended$ = shared$.pipe(ignoreElements(), endWith(undefined));
    const requests$ = fromEvent(http.server, 'request') as Observable<[IncomingMessage, ServerResponse]>;
    requests$.pipe(withLatestFrom(shared$), takeUntil(ended$)).subscribe({
      next: ([[request, response], health]) => {
        answer(request, response, health, facts).catch((error: Error) => {
          log('debug', TARGET, 'a request could not be answered', { error: error.message });
          response.destroy();
        });
      },
      complete: http.close,
    });
  };
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  health: Health,
  { collectIntervalMillis, spool }: ServiceFacts,
): Promise<void> {
  response.on('error', () => {});
  const send = (status: number, type: string, body: string): void => {
    response
      .writeHead(status, {
        'content-type': type,
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
      })
      .end(method === 'HEAD' ? undefined : body);
  };
  const sendVerdict = ({ isWell, reason }: Verdict): void => send(isWell ? 200 : 503, TEXT, `${reason}\n`);
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(405, TEXT, 'GET or HEAD\n');
    return;
  }
  const now = moment();
  switch (url.split('?')[0]) {
    case '/healthz':
      return sendVerdict(liveness(health, collectIntervalMillis, now.steadyMillis));
    case '/readyz':
      return sendVerdict(readiness(health));
    case '/status': {
      const document = statusDocument(health, collectIntervalMillis, now, spool);
      return send(200, 'application/json', `${JSON.stringify(document, undefined, 2)}\n`);
    }
    case '/metrics': {
      const { currentUsage, healthPage } = await import('./health-page.js');
      return send(200, CONTENT_TYPE, healthPage(health, currentUsage(), spool));
    }
    default:
      return send(404, TEXT, 'The paths are /healthz, /readyz, /status and /metrics\n');
  }
}

const TEXT = 'text/plain; charset=utf-8';
