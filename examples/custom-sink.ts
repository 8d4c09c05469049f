/**
 * A sink of one's own: posts collections as newline-delimited JSON to a web server, with the library's buffering,
 * cadence and backoff.
 *
 *     npx tsx examples/custom-sink.ts /var/lib/microsandbox http://localhost:8080/ingest [seconds between flushes]
 */

import {
  type Collection,
  collections,
  deliver,
  type Exporter,
  type ExportResult,
  unseenSamples,
} from 'msb-metrics';
import { fromEvent, merge, takeUntil } from 'rxjs';

const [
  msbHome = `${process.env.HOME}/.microsandbox`,
  url = 'http://localhost:8080/ingest',
  flushSeconds = '5',
] = process.argv.slice(2);

class NdjsonExporter implements Exporter<Collection> {
  /** One attempt. Throwing means failed: the batch is held again, and the backoff begins. */
  async export(batch: readonly Collection[]): Promise<ExportResult<Collection>> {
    const lines = batch.flatMap((collection) =>
      Array.from(collection, (snapshot) => `${JSON.stringify(snapshot)}\n`),
    );
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join(''),
      signal: AbortSignal.timeout(5_000),
    });
    const words = await response.text();
    if (response.status === 400) {
      // The server will never take these lines: give them up, and let the rest flow.
      return { status: 'rejected', error: new Error(words) };
    }
    if (!response.ok) {
      throw new Error(`${response.status} ${words}`);
    }
    return { status: 'delivered' };
  }

  /** No more than ten collections a request. */
  batchSize(held: readonly Collection[]): number {
    return Math.min(10, held.length);
  }
}

collections({ msbHome })
  .pipe(
    // The end of the source is the drain: what is held gets one last attempt.
    takeUntil(merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'))),
    unseenSamples(),
    deliver(() => new NdjsonExporter(), {
      flushIntervalMillis: Number(flushSeconds) * 1_000,
      maxBuffered: 120,
      exportTimeoutMillis: 6_000,
    }),
  )
  .subscribe((event) => {
    switch (event.type) {
      case 'exported':
        console.log(`delivered ${event.items} collections`);
        break;
      case 'rejected':
        console.log(`gave up ${event.items} collections: ${event.error.message}`);
        break;
      case 'dropped':
        console.log(`buffer full: dropped ${event.items}, ${event.total} in all`);
        break;
      case 'failed':
        console.log(`failed: ${event.error.message}; next attempt in ${event.retryInMillis ?? 'no'} ms`);
        break;
      case 'drained':
        console.log(`done, ${event.lost + event.rejected} lost`);
        break;
    }
  });
