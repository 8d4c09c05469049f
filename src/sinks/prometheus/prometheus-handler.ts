import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { firstValueFrom } from 'rxjs';
import type { Collection } from '../../shm/collection.js';
import type { CollectionsOptions } from '../../streams/collections.js';
import { newestCollection } from '../../streams/newest-collection.js';
import { CONTENT_TYPE } from './content-type.js';
import type { PageOptions } from './page.js';

/** Options of {@link prometheusHandler}. */
export interface PrometheusHandlerOptions extends CollectionsOptions, PageOptions {
  /** Called with each reading, also if nobody gets its page. Default: none. */
  readonly onCollected?: ((collection: Collection) => void) | undefined;
}

/** Answers scrapes. */
export interface PrometheusHandler {
  /** A listener for the `request` of Node's HTTP server. Answers whatever the path is; never throws. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Closes the registries. */
  close(): void;
}

/** A page in both forms, each made at most once. */
interface Page {
  readonly plain: Buffer;
  gzipped?: Promise<Buffer> | undefined;
}

/**
 * A handler of scrapes by Prometheus, for a server of your own. A scrape reads shared memory, but at most once a collect
 * interval; scrapes at once share one reading and one page. Gzip when asked for.
 *
 * TLS and tokens are the business of a proxy in front of the server.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function prometheusHandler(options: PrometheusHandlerOptions): PrometheusHandler {
  const { newest$, close } = newestCollection(options);
  const { onCollected } = options;
  const pages = new WeakMap<Collection, Page>();
  let writer: Promise<(collection: Collection) => string> | undefined;
  const pageOf = async (): Promise<Page> => {
    writer ??= import('./page.js').then(({ pageWriter }) => pageWriter(options));
    const write = await writer;
    const collection = await firstValueFrom(newest$);
    const known = pages.get(collection);
    if (known !== undefined) {
      return known;
    }
    onCollected?.(collection);
    const page = { plain: Buffer.from(write(collection)) };
    pages.set(collection, page);
    return page;
  };
  return {
    handle: (request, response) => {
      void answer(request, response, pageOf);
    },
    close,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pageOf: () => Promise<Page>,
): Promise<void> {
  response.on('error', () => {});
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain' }).end('GET or HEAD\n');
    return;
  }
  try {
    const page = await pageOf();
    const isGzip = wantsGzip(request.headers['accept-encoding']);
    page.gzipped ??= isGzip ? promisify(gzip)(page.plain) : undefined;
    const body = isGzip && page.gzipped !== undefined ? await page.gzipped : page.plain;
    response.writeHead(200, {
      'content-type': CONTENT_TYPE,
      'content-length': body.length,
      vary: 'accept-encoding',
      ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(`${(error as Error).message}\n`);
  }
}

/** Source: RFC 9110, 12.5.3. */
function wantsGzip(acceptEncoding: string | string[] | undefined): boolean {
  return String(acceptEncoding ?? '')
    .split(',')
    .some((part) => /^\s*(gzip|\*)\s*(;\s*q=(1(\.0*)?|0\.\d*[1-9]\d*))?\s*$/iu.test(part));
}
