import { Writable } from 'node:stream';
import { lastValueFrom, of, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Collection,
  type DeliveryEvent,
  type StdoutSinkOptions,
  stdoutSink,
} from '../../../src/index.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { eventually } from '../../support/eventually.js';

const collection = collectionOf(sandboxRuns(2));

describe('the sink to a stream', () => {
  it('writes a line a snapshot, has drained when they are written, and closes nothing', async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write: (chunk, _, written) => {
        lines.push(...String(chunk).trimEnd().split('\n'));
        setImmediate(written);
      },
    });
    const events = await lastValueFrom(of(collection, collection).pipe(stdoutSink({ stream }), toArray()));
    expect(events.map(({ type }) => type)).toEqual(['exported', 'drained']);
    expect(lines).toHaveLength(4);
    expect(stream.writableEnded).toBe(false);
    await eventually(() => stream.listenerCount('error') === 0);
  });

  it('tells of a write that fails, which does not end the process', async () => {
    const stream = new Writable({ write: (_, __, written) => written(new Error('EPIPE')) });
    const events = await lastValueFrom(of(collection).pipe(stdoutSink({ stream }), toArray()));
    expect(events).toMatchObject([
      { type: 'failed', error: { message: 'EPIPE' } },
      { type: 'drained', lost: 1 },
    ]);
    await eventually(() => stream.listenerCount('error') === 0);
  });

  it('tells of a stream that throws, and tries again', async () => {
    let isBroken = true;
    const stream = {
      on: () => {},
      off: () => {},
      write: (_: string, written: () => void) => {
        if (isBroken) {
          throw new Error('broken');
        }
        written();
      },
    };
    const collections$ = new Subject<Collection>();
    const flush$ = new Subject<void>();
    const events: DeliveryEvent[] = [];
    const subscription = collections$
      .pipe(stdoutSink({ stream: stream as never, flush$, flushIntervalMillis: 60_000 }))
      .subscribe((event) => events.push(event));
    collections$.next(collection);
    flush$.next();
    isBroken = false;
    flush$.next();
    expect(events.map(({ type }) => type)).toEqual(['failed', 'exported', 'recovered', 'flushed']);
    subscription.unsubscribe();
  });

  it.each<[StdoutSinkOptions, string]>([
    [{ stream: {} as never }, 'stream: expected a Writable, got {}'],
    [{ stream: null as never }, 'stream: expected a Writable, got null'],
    [{ maxBuffered: 0 }, 'maxBuffered: expected an integer of 1 or more, got 0'],
  ])('refuses %o', (options, message) => {
    expect(() => stdoutSink(options)).toThrowError(new RangeError(message));
  });
});
