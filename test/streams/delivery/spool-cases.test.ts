import { ignoreElements, type ObservableInput, of, Subject, tap, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Segment, SpoolStore } from '../../../src/spool/spool-store.js';
import { deliver } from '../../../src/streams/deliver.js';
import type { DeliveryEvent } from '../../../src/streams/delivery-events.js';
import type { ExportResult } from '../../../src/streams/exporter.js';
import { marbles } from '../../support/marbles.js';

const segment = (first: number, items: number): Segment => ({
  first,
  items,
  done: 0,
  bytes: items,
  writtenAtMillis: 0,
});

/** A store in memory that answers at once. */
function storeOf(
  files: Record<number, readonly string[]>,
  maxBytes = 1_000,
): SpoolStore<string> & { readonly files: Map<number, readonly string[]> } {
  const there = new Map(Object.entries(files).map(([first, items]) => [Number(first), items]));
  return {
    files: there,
    segments: [...there].map(([first, items]) => segment(first, items.length)),
    maxBytes,
    write: (first, items) => {
      there.set(first, items);
      return of(segment(first, items.length));
    },
    read: ({ first, done }) => of((there.get(first) ?? []).slice(done)),
    keep: () => of(undefined),
    remove: (gone) => {
      for (const { first } of gone) {
        there.delete(first);
      }
      return of(undefined);
    },
    close: () => {},
  };
}

/** The same store on a disk that may be full, and what it was asked to write. */
function onDisk(store: SpoolStore<string>, disk: { isFull: boolean }) {
  const writes: string[] = [];
  return {
    ...store,
    writes,
    write: (first: number, items: readonly string[]) => {
      writes.push(items.join(''));
      if (disk.isFull) {
        throw new Error('ENOSPC');
      }
      return store.write(first, items);
    },
  };
}

/** Runs a sink on a store, and gives what it exported and emitted. */
function run(
  store: SpoolStore<string>,
  answers: readonly ExportResult<string>[],
  {
    source = '',
    until = 3_000,
    flush$,
    maxBuffered = 100,
  }: { source?: string; until?: number; flush$?: ObservableInput<void>; maxBuffered?: number } = {},
) {
  const batches: string[][] = [];
  const events: DeliveryEvent[] = [];
  marbles(({ hot }, scheduler) => {
    const sink = deliver<string>(
      () => ({
        export: (batch) => {
          batches.push([...batch]);
          return of(answers[batches.length - 1] ?? { status: 'delivered' });
        },
      }),
      {
        flushIntervalMillis: 1_000,
        scheduler,
        spool: store,
        maxBuffered,
        ...(flush$ === undefined ? {} : { flush$: flush$ as never }),
      },
    );
    const seen$ = new Subject<DeliveryEvent>();
    seen$.subscribe((event) => events.push(event));
    const subscription = hot(source).pipe(sink).subscribe(seen$);
    scheduler.schedule(() => subscription.unsubscribe(), until);
  });
  return { batches, types: events.map(({ type }) => type), events };
}

/** What happens at a time: an export is answered, or the batches become smaller. */
interface Step {
  readonly answers?: ExportResult<string>;
  readonly sendsAtMost?: number;
  readonly andSo?: () => void;
}

const failed: ExportResult<string> = { status: 'failed', error: new Error('away') };

describe('a sink with a spool', () => {
  it('sends what is on disk at once, also where a flush is asked for while it is subscribed to', () => {
    const store = storeOf({ 1: ['a', 'b'] });
    expect(run(store, [], { until: 10, flush$: of(undefined) }).batches).toEqual([['a', 'b']]);
    expect(store.files.size).toBe(0);
  });

  it('does not send again what was delivered of an item, if its rest fails', () => {
    const store = storeOf({ 1: ['a', 'b'], 3: ['c'] });
    const { batches } = run(store, [{ status: 'delivered', remainder: 'b-rest' }, failed], {
      until: 2_500,
    });
    expect(batches).toEqual([['a', 'b'], ['b-rest'], ['b-rest'], ['c']]);
  });

  /** A sink whose exports are answered by hand, and what it exports. */
  function answeredByHand(store: SpoolStore<string>, source: string, steps: Record<number, Step>) {
    const batches: string[] = [];
    let answer = (_: ExportResult<string>): void => {};
    let most = 100;
    marbles(({ hot }, scheduler) => {
      const sink = deliver<string>(
        () => ({
          batchSize: (held) => Math.min(most, held.length),
          export: (batch) => {
            batches.push(batch.join(''));
            const answer$ = new Subject<ExportResult<string>>();
            answer = (result) => answer$.next(result);
            return answer$;
          },
        }),
        { flushIntervalMillis: 1_000, exportTimeoutMillis: 20_000, scheduler, spool: store },
      );
      const subscription = hot(source).pipe(sink).subscribe();
      for (const [at, { answers, sendsAtMost, andSo }] of Object.entries(steps)) {
        scheduler.schedule(() => {
          most = sendsAtMost ?? most;
          if (answers !== undefined) {
            answer(answers);
          }
          andSo?.();
        }, Number(at));
      }
      scheduler.schedule(() => subscription.unsubscribe(), 9_000);
    });
    return batches;
  }

  it('writes what came back after something newer was written, at once, and sends it first', () => {
    const store = storeOf({});
    const batches = answeredByHand(store, 'ab 1498ms c', {
      2500: {
        answers: failed,
        andSo: () =>
          expect([...store.files]).toEqual([
            [3, ['c']],
            [1, ['a', 'b']],
          ]),
      },
      5000: { answers: { status: 'delivered' } },
      5100: { answers: { status: 'delivered' } },
    });
    expect(batches).toEqual(['ab', 'ab', 'c']);
  });

  it('writes what waits behind an item that came back and is sent again, each by its number', () => {
    const store = storeOf({});
    const disk = { isFull: false };
    const batches = answeredByHand(onDisk(store, disk), 'ab 1498ms c', {
      2400: {
        sendsAtMost: 1,
        andSo: () => {
          disk.isFull = true;
        },
      },
      2500: { answers: failed },
      // The first of the two is on its way again, and has no answer.
      4100: {
        andSo: () => {
          disk.isFull = false;
        },
      },
      5500: {
        andSo: () =>
          expect([...store.files]).toEqual([
            [3, ['c']],
            [2, ['b']],
          ]),
      },
      5600: {
        answers: failed,
        andSo: () => expect(store.files.get(1)).toEqual(['a']),
      },
      8000: { answers: { status: 'delivered' } },
      8100: { answers: { status: 'delivered' } },
      8200: { answers: { status: 'delivered' } },
    });
    expect(batches).toEqual(['ab', 'a', 'a', 'b', 'c']);
  });

  it('flushes all that was there when a flush began, whatever was dropped meanwhile', () => {
    const store = storeOf({ 1: ['a', 'b'], 3: ['c', 'd'] });
    const { batches } = run(onDisk(store, { isFull: true }), [], {
      source: '(efgh)',
      maxBuffered: 2,
      until: 1,
    });
    expect(batches.slice(0, 2)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('writes a buffer that is full, and drops nothing', () => {
    const { types, batches } = run(storeOf({}), [], { source: '(abcdefgh)', maxBuffered: 3, until: 1_100 });
    expect(types).not.toContain('dropped');
    expect(batches.flat()).toEqual([...'abcdefgh']);
  });

  it('asks a disk that fails for the oldest item alone each time that something would be dropped, and for all when a write is due', () => {
    const store = storeOf({});
    const disk = { isFull: true };
    const full = onDisk(store, disk);
    const answers = Array.from({ length: 9 }, () => failed);
    const flush$ = timer(1_250).pipe(
      tap(() => {
        disk.isFull = false;
      }),
      ignoreElements(),
    );
    const { events } = run(full, answers, {
      source: '(abcd) 94ms e 99ms f 999ms g 99ms h 99ms i',
      maxBuffered: 4,
      until: 2_500,
      flush$,
    });
    // At the last chance of a wait nothing is held, and what comes back is written as after any failure.
    const attempts = full.writes.filter((items, index) => items !== full.writes[index - 1]);
    expect(attempts).toEqual(['abcd', 'b', 'c', 'cdef', 'defg', 'e', 'f', 'ghi']);
    expect(events.filter(({ type }) => type === 'dropped')).toHaveLength(4);
    expect(events.flatMap((event) => (event.type === 'spooled' ? [event.recovered] : []))).toEqual([
      false,
      false,
      true,
    ]);
    expect([...store.files.values()].map((items) => items.join(''))).toEqual(['e', 'f', 'ghi']);
  });

  it('says so where what is done cannot be written down', () => {
    const store = storeOf({ 1: ['a'] });
    const broken: SpoolStore<string> = {
      ...store,
      remove: () => {
        throw new Error('EROFS');
      },
    };
    expect(run(broken, [], { until: 10 }).types).toContain('spool-failed');
  });
});
