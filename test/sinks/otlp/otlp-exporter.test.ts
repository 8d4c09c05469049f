import * as fc from 'fast-check';
import { from, of, Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Collection } from '../../../src/shm/collection.js';
import { COLUMN } from '../../../src/shm/columns.js';
import { EncodedRequests } from '../../../src/sinks/otlp/encoding/encoded-requests.js';
import { RequestEncoder } from '../../../src/sinks/otlp/encoding/request.js';
import { OtlpExporter } from '../../../src/sinks/otlp/otlp-exporter.js';
import { MAX_REQUEST_BYTES } from '../../../src/sinks/otlp/size-limit.js';
import type { Answer } from '../../../src/sinks/otlp/transport/answer.js';
import type { Transport } from '../../../src/sinks/otlp/transport/transport.js';
import { deliver } from '../../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../../src/streams/delivery-events.js';
import { INITIAL_TOTALS } from '../../../src/streams/exporter.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { requestRows } from '../../support/request-rows.js';
import { runs as parameters } from '../../support/runs.js';

/** A request as the backend of these tests sees it. */
interface Sent {
  readonly bytes: number;
  readonly rows: readonly string[];
  readonly answer: Answer;
}

const error = new Error('no');

const exporterTo = (transport: Transport, now = () => 0): OtlpExporter<Uint8Array> =>
  new OtlpExporter(
    new EncodedRequests(new RequestEncoder({ resource: {}, scopeVersion: '1', startedAtMillis: 0 })),
    transport,
    now,
  );

/** Delivers collections, one flush a round, to a backend that answers as told, and gives what it was sent. */
function deliverTo(
  backend: (rows: readonly string[], bytes: number) => Answer,
  ...rounds: readonly (readonly Collection[])[]
) {
  const scheduler = new VirtualTimeScheduler();
  const sent: Sent[] = [];
  const events: DeliveryEvent[] = [];
  const transport = {
    send: (request: Uint8Array) => {
      const rows = requestRows(request);
      const answer = backend(rows, request.length);
      sent.push({ bytes: request.length, rows, answer });
      return of(answer);
    },
    close: () => {},
  };
  const exporter = exporterTo(transport, () => scheduler.now());
  const items$ = new Subject<Collection>();
  const subscription = items$
    .pipe(deliver(() => exporter, { flushIntervalMillis: 1_000, maxBuffered: 1_000, scheduler }))
    .subscribe((event) => events.push(event));
  rounds.forEach((collections, round) => {
    scheduler.schedule(() => from(collections).subscribe((each) => items$.next(each)), round * 1_000 + 500);
  });
  scheduler.schedule(() => subscription.unsubscribe(), rounds.length * 1_000 + 500);
  scheduler.flush();
  return { sent, events };
}

const accepted = (sent: readonly Sent[]): string[] =>
  sent.flatMap(({ answer, rows }) => (answer.kind === 'accepted' ? rows : []));

const collectionsOf = (count: number, sandboxes: number, firstAtMillis = 1_000_000): Collection[] => {
  const runs = sandboxRuns(sandboxes);
  return Array.from({ length: count }, (_, index) => collectionOf(runs, firstAtMillis + index));
};

const allRows = (collections: readonly Collection[]): string[] =>
  collections.flatMap((collection) =>
    Array.from(collection, ({ name, sampledAtMillis }) => `${name}@${sampledAtMillis}`),
  );

const yes = (): Answer => ({ kind: 'accepted' });

describe('a flush', () => {
  it('is one request where that is no larger than 1 MB', () => {
    const collections = collectionsOf(10, 100);
    const { sent } = deliverTo(yes, collections);
    expect(sent).toHaveLength(1);
    expect(sent[0].rows).toEqual(allRows(collections));
  });

  it('is one request with the counters where nothing was collected', () => {
    expect(deliverTo(yes, []).sent).toHaveLength(1);
  });

  it('is cut between collections into the fewest that are no larger, oldest first', () => {
    const collections = collectionsOf(30, 1_000);
    const { sent } = deliverTo(yes, collections);
    const total = sent.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(sent.every(({ bytes }) => bytes <= MAX_REQUEST_BYTES)).toBe(true);
    const perRequest = Math.floor(MAX_REQUEST_BYTES / (total / 30));
    expect(sent).toHaveLength(Math.ceil(30 / perRequest));
    expect(sent.every(({ rows }) => rows.length % 1_000 === 0)).toBe(true);
    expect(accepted(sent)).toEqual(allRows(collections));
  });

  it('cuts a collection only where it alone is too large: 10,000 sandboxes all arrive', () => {
    const collections = collectionsOf(2, 10_000);
    const { sent, events } = deliverTo(yes, collections);
    expect(sent.every(({ bytes }) => bytes <= MAX_REQUEST_BYTES)).toBe(true);
    expect(accepted(sent)).toEqual(allRows(collections));
    expect(
      events.filter(({ type }) => type === 'exported').map((event) => (event as { items: number }).items),
    ).toEqual(sent.map((_, index) => (index === sent.length / 2 - 1 || index === sent.length - 1 ? 1 : 0)));
  }, 120_000);
});

describe('a receiver with a smaller limit', () => {
  it.each([
    ['that it states', (limitBytes: number): Answer => ({ kind: 'too-large', error, limitBytes })],
    ['that it keeps to itself', (): Answer => ({ kind: 'too-large', error })],
  ])('%s gets requests that fit, and all of the data', (_, refuse) => {
    const limit = 100_000;
    const collections = collectionsOf(12, 200);
    const { sent } = deliverTo((__, bytes) => (bytes > limit ? refuse(limit) : yes()), collections);
    expect(accepted(sent)).toEqual(allRows(collections));
    const firstFit = sent.findIndex(({ answer }) => answer.kind === 'accepted');
    expect(sent.slice(firstFit).every(({ answer }) => answer.kind === 'accepted')).toBe(true);
    expect(firstFit).toBeLessThan(8);
  });

  it('gets requests that fit from then on, but for a rare try of a larger one', () => {
    const { sent } = deliverTo(
      (_, bytes) => (bytes > 100_000 ? { kind: 'too-large', error } : yes()),
      collectionsOf(20, 100),
      collectionsOf(20, 100, 2_000_000),
    );
    const firstFit = sent.findIndex(({ answer }) => answer.kind === 'accepted');
    const tries = sent.slice(firstFit).filter(({ answer }) => answer.kind === 'too-large');
    expect(tries.length).toBeLessThanOrEqual(1);
    expect(accepted(sent)).toHaveLength(40 * 100);
  });

  it('that it states gets them nearly as large as that from the second on', () => {
    const limitBytes = 100_000;
    const { sent } = deliverTo(
      (_, bytes) => (bytes > limitBytes ? { kind: 'too-large', error, limitBytes } : yes()),
      collectionsOf(20, 20),
    );
    const [, ...others] = sent;
    expect(others.every(({ answer }) => answer.kind === 'accepted')).toBe(true);
    expect(others[0].bytes).toBeGreaterThan(75_000);
  });

  it('that states more than what it has just refused gets half of that', () => {
    const { sent } = deliverTo(
      (_, bytes) => (bytes > 100_000 ? { kind: 'too-large', error, limitBytes: bytes } : yes()),
      collectionsOf(20, 20),
    );
    const firstFit = sent.findIndex(({ answer }) => answer.kind === 'accepted');
    expect(firstFit).toBeGreaterThan(0);
    expect(firstFit).toBeLessThan(6);
    expect(sent[1].bytes).toBeLessThanOrEqual(sent[0].bytes / 2);
    expect(sent[1].bytes).toBeGreaterThan(sent[0].bytes / 3);
  });

  it('that refuses a request without a single sandbox for its size has failed, in its own words', () => {
    const { events } = deliverTo(() => ({ kind: 'too-large', error }), []);
    expect(events).toMatchObject([{ type: 'failed', error: { message: 'no' } }]);
  });

  it('that refuses a single sandbox for its size has failed: the backoff begins', () => {
    const { sent, events } = deliverTo(() => ({ kind: 'too-large', error }), collectionsOf(3, 100));
    expect(events.at(-1)).toMatchObject({ type: 'failed', held: 3 });
    expect(sent.length).toBeLessThan(20);
  });
});

describe('data that a receiver refuses as bad', () => {
  const refusing =
    (...bad: string[]) =>
    (rows: readonly string[]): Answer =>
      rows.some((row) => bad.some((each) => row.includes(each))) ? { kind: 'bad-data', error } : yes();

  it('costs only itself: the rows beside it and the collections around it arrive', () => {
    const collections = collectionsOf(5, 100);
    const { sent, events } = deliverTo(
      refusing('sandbox-37@1000002', 'sandbox-99@1000003', 'sandbox-0@1000003'),
      collections,
    );
    const bad = ['sandbox-37@1000002', 'sandbox-0@1000003', 'sandbox-99@1000003'];
    expect(accepted(sent)).toEqual(allRows(collections).filter((row) => !bad.includes(row)));
    const rejected = events.filter((event) => event.type === 'rejected');
    expect(rejected.map(({ items, points }) => [items, points])).toEqual([
      [0, 11],
      [0, 11],
      [0, 11],
    ]);
    expect(events.at(-1)?.type).toBe('flushed');
  });

  it('is found for any rows, with the order kept and a bound on the requests', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        fc.uniqueArray(fc.tuple(fc.nat(3), fc.nat(39)), { maxLength: 3 }),
        (count, sandboxes, badRows) => {
          const collections = collectionsOf(count, sandboxes);
          const bad = badRows.map(([tick, sandbox]) => `sandbox-${sandbox}@${1_000_000 + tick}`);
          const isBad = (row: string): boolean => bad.includes(row);
          const { sent, events } = deliverTo(
            (rows) => (rows.some(isBad) ? { kind: 'bad-data', error } : yes()),
            collections,
          );
          expect(accepted(sent)).toEqual(allRows(collections).filter((row) => !isBad(row)));
          expect(events.at(-1)?.type).toBe('flushed');
          expect(sent.length).toBeLessThan(2 + count + badRows.length * 20);
        },
      ),
      parameters(300),
    );
  });

  it('in everything is given up with one request a collection once that is clear', () => {
    const collections = collectionsOf(20, 1_000);
    const { sent, events } = deliverTo(
      (rows) => (rows.length > 0 ? { kind: 'bad-data', error } : yes()),
      collections,
    );
    expect(
      events.filter((event) => event.type === 'rejected').reduce((sum, { items }) => sum + items, 0),
    ).toBe(20);
    expect(sent.length).toBeLessThan(20 + 120);
    expect(events.at(-1)?.type).toBe('flushed');
  });

  it('in a request without a single sandbox is told, and no harm', () => {
    const { events } = deliverTo(() => ({ kind: 'bad-data', error }), []);
    expect(events).toEqual([{ type: 'rejected', error, items: 0, points: 0 }, { type: 'flushed' }]);
  });

  it('in a collection of one sandbox is given up at once, as one collection', () => {
    const { sent, events } = deliverTo(
      (rows) => (rows.length > 0 ? { kind: 'bad-data', error } : yes()),
      collectionsOf(1, 1),
    );
    expect(sent).toHaveLength(2);
    expect(events).toEqual([
      { type: 'split', error, items: 1 },
      { type: 'rejected', error, items: 1, points: 0 },
      { type: 'flushed' },
    ]);
  });

  it('is counted in points that it had, not in those that were unknown', () => {
    const unknown: number[] = [COLUMN.diskReadBytes, COLUMN.diskWrittenBytes];
    const collection = collectionOf(sandboxRuns(2), 1_000_000, (row, column) =>
      row === 0 && unknown.includes(column) ? Number.NaN : 1,
    );
    const { events } = deliverTo(refusing('sandbox-0@'), [collection]);
    expect(events.filter(({ type }) => type === 'rejected')).toMatchObject([{ items: 0, points: 9 }]);
  });

  it('costs no other sandbox anything, in whatever ticks they and the others are sampled', () => {
    const ticks = fc.array(fc.subarray([0, 1, 2, 3, 4, 5]), { minLength: 1, maxLength: 12 });
    const rounds = fc.array(ticks, { minLength: 1, maxLength: 3 });
    const badOnes = fc.uniqueArray(fc.nat(5), { maxLength: 3 });
    fc.assert(
      fc.property(rounds, badOnes, (flushes, bad) => {
        const runs = sandboxRuns(6);
        let at = 1_000_000;
        const collected = flushes.map((each) =>
          each.map((sampled) =>
            collectionOf(
              sampled.map((index) => runs[index]),
              at++,
            ),
          ),
        );
        const isBad = (row: string): boolean => bad.some((index) => row.startsWith(`sandbox-${index}@`));
        const { sent } = deliverTo(
          (rows) => (rows.some(isBad) ? { kind: 'bad-data', error } : yes()),
          ...collected,
        );
        expect(accepted(sent)).toEqual(allRows(collected.flat()).filter((row) => !isBad(row)));
      }),
      parameters(1_000),
    );
  });

  it('once found leaves the next flush as it would have been', () => {
    const { sent } = deliverTo(
      refusing('sandbox-3@1000001'),
      collectionsOf(4, 10),
      collectionsOf(4, 10, 2_000_000),
    );
    expect(sent.at(-1)?.rows).toHaveLength(40);
    expect(accepted(sent)).toHaveLength(79);
  });

  it('and dropped from the buffer before it was found leaves the next collection whole', () => {
    const answers: Answer[] = [
      { kind: 'bad-data', error },
      { kind: 'bad-data', error },
    ];
    const requests: string[][] = [];
    const transport = {
      send: (request: Uint8Array) => {
        requests.push(requestRows(request));
        return of(answers.shift() ?? yes());
      },
      close: () => {},
    };
    const exporter = exporterTo(transport);
    const [dropped, next] = collectionsOf(2, 10);
    for (const collection of [dropped, dropped, next]) {
      exporter.export([collection], INITIAL_TOTALS).subscribe();
    }
    expect(requests.map(({ length }) => length)).toEqual([10, 10, 10]);
  });

  describe('without exception', () => {
    const refusingBefore =
      (millis: number, ...bad: string[]) =>
      (rows: readonly string[]): Answer =>
        rows.some((row) => Number(row.split('@')[1]) < millis)
          ? { kind: 'bad-data', error }
          : refusing(...bad)(rows);
    const requestsOf = (sent: readonly Sent[], fromMillis: number): number =>
      sent.filter(({ rows }) => rows.some((row) => Number(row.split('@')[1]) >= fromMillis)).length;

    it('costs one request a collection, once that is clear, also after a heartbeat was accepted', () => {
      const { sent, events } = deliverTo(
        refusingBefore(4_000_000),
        collectionsOf(9, 8),
        [collectionOf([], 2_000_000)],
        collectionsOf(1, 8, 3_000_000),
      );
      expect(sent.some(({ answer, rows }) => answer.kind === 'accepted' && rows.length === 0)).toBe(true);
      // With the sidecar's own metrics, and without.
      expect(requestsOf(sent, 3_000_000)).toBe(2);
      expect(events.at(-2)).toMatchObject({ type: 'rejected', items: 1 });
    });

    it.each([
      [3, 5],
      [4, 0],
    ])('is concluded of collections of four sandboxes or more: of %i, %i good ones beside a bad one arrive', (size, arrive) => {
      const { sent } = deliverTo(
        refusingBefore(2_000_000, 'sandbox-5@2000000'),
        collectionsOf(9, size),
        collectionsOf(1, 6, 2_000_000),
      );
      expect(accepted(sent)).toHaveLength(arrive);
    });

    it('is over when data was accepted: what is bad is looked for again', () => {
      const { sent } = deliverTo(
        refusingBefore(2_000_000, 'sandbox-5@3000000'),
        collectionsOf(9, 8),
        collectionsOf(1, 8, 2_000_000),
        collectionsOf(1, 8, 3_000_000),
      );
      expect(accepted(sent)).toHaveLength(8 + 7);
    });
  });

  it('is looked for again after something was accepted', () => {
    let strict = true;
    const bad = refusing('sandbox-1@');
    const collections = collectionsOf(4, 10);
    const { sent } = deliverTo((rows) => {
      if (strict && rows.length > 0) {
        strict = rows.every((row) => !row.endsWith('1000002'));
        return { kind: 'bad-data', error };
      }
      return bad(rows);
    }, collections);
    expect(accepted(sent).filter((row) => row.endsWith('1000003'))).toHaveLength(9);
  });
});

describe("a receiver that refuses the sidecar's own metrics", () => {
  it('gets the data without them', () => {
    const transport = (sent: string[][]): Transport => ({
      send: (request) => {
        const isOwn = Buffer.from(request).includes('microsandbox.collector.exports.success');
        if (!isOwn) {
          sent.push(requestRows(request));
        }
        return of<Answer>(isOwn ? { kind: 'bad-data', error } : yes());
      },
      close: () => {},
    });
    const accepted: string[][] = [];
    const collections = [
      ...collectionsOf(2, 3),
      collectionOf([], 1_000_005),
      collectionOf([], 1_000_006),
      ...collectionsOf(1, 3, 1_000_007),
      collectionOf([], 1_000_008),
      collectionOf([], 1_000_009),
    ];
    const events: DeliveryEvent[] = [];
    from(collections)
      .pipe(deliver(() => exporterTo(transport(accepted))))
      .subscribe((event) => events.push(event));
    expect(accepted.flat()).toEqual(allRows(collections));
    expect(events.map((event) => [event.type, 'items' in event ? event.items : undefined])).toEqual([
      ['split', 7],
      ['exported', 1],
      ['exported', 1],
      ['rejected', 2],
      ['exported', 1],
      ['rejected', 2],
      ['drained', undefined],
    ]);
  });
});

describe('what a receiver leaves out of a request', () => {
  it('is told, and not sent again', () => {
    const { sent, events } = deliverTo(
      () => ({ kind: 'accepted', partial: { rejectedPoints: 3, message: 'too old' } }),
      collectionsOf(1, 1),
      [],
    );
    expect(events[0]).toEqual({
      type: 'exported',
      items: 1,
      droppedBefore: 0,
      partial: { rejectedPoints: 3, message: 'too old' },
    });
    expect(sent.flatMap(({ rows }) => rows)).toHaveLength(1);
  });
});

describe('the buffer of a request', () => {
  it('is used again once its request is answered, and not before', () => {
    const answers: Subject<Answer>[] = [];
    const requests: Uint8Array[] = [];
    const transport = {
      send: (request: Uint8Array) => {
        requests.push(request);
        const answer$ = new Subject<Answer>();
        answers.push(answer$);
        return answer$;
      },
      close: () => {},
    };
    const exporter = exporterTo(transport);
    const send = () => exporter.export(collectionsOf(1, 10), INITIAL_TOTALS).subscribe();
    send();
    answers[0].next({ kind: 'accepted' });
    send();
    expect(requests[1].buffer).toBe(requests[0].buffer);
    const givenUp = send();
    expect(requests[2].buffer).not.toBe(requests[1].buffer);
    givenUp.unsubscribe();
    send();
    expect(requests[3].buffer).not.toBe(requests[2].buffer);
  });
});
