import * as fc from 'fast-check';
import { NEVER, of, Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Collection } from '../../src/shm/collection.js';
import { EncodedRequests } from '../../src/sinks/otlp/encoding/encoded-requests.js';
import { RequestEncoder } from '../../src/sinks/otlp/encoding/request.js';
import { OtlpExporter } from '../../src/sinks/otlp/otlp-exporter.js';
import type { Answer } from '../../src/sinks/otlp/transport/answer.js';
import { deliver } from '../../src/streams/deliver.js';
import { decodeRequest } from '../receiver/decode.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';
import { runs as parameters } from '../support/runs.js';

const error = new Error('no');
const START = 1_790_000_000_000;

const answers: fc.Arbitrary<Answer | 'hangs'> = fc.constantFrom<(Answer | 'hangs')[]>(
  { kind: 'accepted' },
  { kind: 'accepted' },
  { kind: 'accepted', partial: { rejectedPoints: 2, message: 'old' } },
  { kind: 'failed', error },
  { kind: 'failed', error, retryAfterMillis: 700 },
  { kind: 'bad-data', error },
  { kind: 'too-large', error },
  'hangs',
);

describe('the counters of the sidecar', () => {
  it('say in every request precisely what has happened before it', () => {
    fc.assert(
      fc.property(
        fc.array(answers, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 25 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (script, gaps, maxBuffered, sandboxes) => {
          const scheduler = new VirtualTimeScheduler();
          scheduler.maxFrames = 60_000;
          const now = (): number => START + scheduler.now();
          const told = {
            success: 0,
            failure: 0,
            dropped: 0,
            rejected: 0,
            points: 0,
            lastSuccess: undefined as number | undefined,
          };
          let requests = 0;
          // Compared at the end: a sink takes what its exporter throws for a failed export.
          const inRequests: unknown[] = [];
          const atTheirTime: unknown[] = [];
          const transport = {
            send: (request: Uint8Array) => {
              const own = Object.fromEntries(
                decodeRequest(request)
                  .filter(({ metric }) => metric.startsWith('microsandbox.collector.'))
                  .map(({ metric, value }) => [metric.slice('microsandbox.collector.'.length), value]),
              );
              // None are in the requests in which refused data is looked for.
              const isSearch =
                Object.keys(own).length === 0 &&
                script.slice(0, requests).some((each) => each !== 'hangs' && each.kind === 'bad-data');
              inRequests.push(own);
              atTheirTime.push(
                isSearch
                  ? {}
                  : {
                      'exports.success': told.success,
                      'exports.failure': told.failure,
                      'collections.dropped': told.dropped,
                      'collections.rejected': told.rejected,
                      'points.rejected': told.points,
                      ...(told.lastSuccess === undefined
                        ? {}
                        : { last_success_timestamp: told.lastSuccess / 1_000 }),
                    },
              );
              const answer = script[requests++] ?? { kind: 'accepted' };
              return answer === 'hangs' ? NEVER : of(answer);
            },
            close: () => {},
          };
          const encoder = new RequestEncoder({ resource: {}, scopeVersion: '1', startedAtMillis: START });
          const items$ = new Subject<Collection>();
          const wallClock = Object.assign(Object.create(scheduler), { now });
          const subscription = items$
            .pipe(
              deliver(() => new OtlpExporter(new EncodedRequests(encoder), transport, now), {
                flushIntervalMillis: 500,
                exportTimeoutMillis: 300,
                maxBuffered,
                scheduler: wallClock,
              }),
            )
            .subscribe((event) => {
              switch (event.type) {
                case 'exported':
                  told.success++;
                  told.points += event.partial?.rejectedPoints ?? 0;
                  told.lastSuccess = now();
                  break;
                case 'failed':
                case 'split':
                  told.failure++;
                  break;
                case 'rejected':
                  told.failure++;
                  told.rejected += event.items;
                  told.points += event.points;
                  break;
                case 'dropped':
                  told.dropped += event.items;
                  break;
              }
            });
          const runs = sandboxRuns(sandboxes);
          let at = 0;
          gaps.forEach((gap, index) => {
            at += gap;
            scheduler.schedule(() => items$.next(collectionOf(runs, START + index)), at);
          });
          scheduler.flush();
          subscription.unsubscribe();
          expect(requests).toBeGreaterThan(0);
          expect(inRequests).toEqual(atTheirTime);
        },
      ),
      parameters(1_000),
    );
  });
});
