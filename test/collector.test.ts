import {
  EMPTY,
  filter,
  firstValueFrom,
  from,
  ignoreElements,
  lastValueFrom,
  type Observable,
  of,
  queueScheduler,
  type Subject,
  switchMap,
  tap,
  throwError,
  toArray,
} from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Collection,
  type CollectorEvent,
  deliver,
  LostCollectionsError,
  otlpSink,
  type RunningCollector,
  type Sink,
  startCollector,
} from '../src/index.js';
import { startGrpcReceiver } from './receiver/receiver.js';
import { eventually } from './support/eventually.js';
import { tenant, testHome, testRegistry } from './support/home.js';

function homeWithSandbox(): string {
  const msbHome = testHome();
  const registry = testRegistry({ msbHome });
  registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
  return msbHome;
}

/** A sink into an array, that can be told to fail. */
function arraySink() {
  const names: string[] = [];
  const control = { failing: false };
  const sink = (flush$: Parameters<Parameters<typeof startCollector>[0]['sinks'][string]>[0]): Sink =>
    deliver<Collection>(
      () => ({
        export: (batch) => {
          if (control.failing) {
            throw new Error('refused');
          }
          names.push(...batch.flatMap((collection) => Array.from(collection, ({ name }) => name)));
          return of(undefined);
        },
      }),
      { flushIntervalMillis: 60_000, flush$ },
    );
  return { names, control, sink };
}

const collectedOnce = (collector: RunningCollector): Promise<CollectorEvent> =>
  firstValueFrom(collector.events$.pipe(filter(({ type }) => type === 'collected')));

describe('a running collector', () => {
  it('reads, flushes when asked, and drains', async () => {
    const { names, sink } = arraySink();
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      collectIntervalMillis: 5,
      sinks: { sink },
    });
    const events = lastValueFrom(collector.events$.pipe(toArray()));
    await eventually(async () => {
      await collector.flush();
      return names.includes('devbox');
    });
    await collector.shutdown();
    await collector.shutdown();
    const types = (await events).map((event) => (event.type === 'delivery' ? event.event.type : event.type));
    expect(types).toContain('collected');
    expect(types.slice(-2)).toEqual(['drained', 'sink-ended']);
  });

  it('means the very collection that somebody hears of: one who flushes, and one who shuts down', async () => {
    const { names, sink } = arraySink();
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      collectIntervalMillis: 5,
      sinks: { sink },
    });
    let told = 0;
    const flushed: number[] = [];
    let shutdown: Promise<void> | undefined;
    await new Promise<void>((resolve) => {
      collector.events$.subscribe((event) => {
        if (event.type !== 'collected') {
          return;
        }
        told++;
        if (told === 1) {
          void collector.flush().then(() => flushed.push(names.length));
        } else {
          shutdown ??= collector.shutdown();
          resolve();
        }
      });
    });
    await shutdown;
    expect(flushed).toEqual([1]);
    expect(names).toHaveLength(2);
  });

  it.each([
    [undefined, 'sinks: expected an object with functions, got undefined'],
    [{ otlp: 'http://localhost:4317' }, "sinks: expected a function for otlp, got 'http"],
  ])('refuses %o for sinks', (sinks, message) => {
    expect(() => startCollector({ msbHome: testHome(), sinks: sinks as never })).toThrowError(message);
  });

  it('flushes past a backoff, and says why a flush failed', async () => {
    const { control, sink } = arraySink();
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      collectIntervalMillis: 5,
      sinks: { sink },
    });
    control.failing = true;
    await collectedOnce(collector);
    await expect(collector.flush()).rejects.toThrowError('refused');
    control.failing = false;
    await collector.flush();
    await collector.shutdown();
    await expect(collector.flush()).rejects.toThrowError('the sink sink has ended');
  });

  it('rejects its shutdown if the last export failed, with how many collections are lost', async () => {
    const { control, sink } = arraySink();
    control.failing = true;
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      collectIntervalMillis: 5,
      sinks: { sink },
    });
    await collectedOnce(collector);
    const error = await collector.shutdown().catch((reason) => reason);
    expect(error).toBeInstanceOf(LostCollectionsError);
    expect(error.lost).toBeGreaterThan(0);
    expect(error.message).toMatch(/^the last export failed, \d+ collections? (is|are) lost: refused$/u);
  });

  it('goes on when one of its sinks ends or fails, and says so', async () => {
    const { names, sink } = arraySink();
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      collectIntervalMillis: 5,
      sinks: {
        sink,
        broken: () => () => throwError(() => new Error('broken')),
        odd: () => () => throwError(() => undefined),
        over: () => () => EMPTY,
        throwing: () => () => {
          throw new Error('thrown');
        },
      },
    });
    const ends: CollectorEvent[] = [];
    collector.events$
      .pipe(filter(({ type }) => type === 'sink-ended'))
      .subscribe((event) => ends.push(event));
    await collectedOnce(collector);
    expect(ends).toEqual([
      { type: 'sink-ended', sink: 'broken', error: new Error('broken') },
      { type: 'sink-ended', sink: 'odd', error: new Error('undefined') },
      { type: 'sink-ended', sink: 'over', error: undefined },
      { type: 'sink-ended', sink: 'throwing', error: new Error('thrown') },
    ]);
    await expect(collector.flush()).rejects.toThrowError(/broken|has ended/u);
    await eventually(() => names.length > 0);
    await expect(collector.shutdown()).rejects.toThrowError(/^the sink broken failed: broken$/u);
    expect(ends.slice(4)).toEqual([{ type: 'sink-ended', sink: 'sink', error: undefined }]);
  });

  it('tells who listens after the shutdown how each sink has ended, and completes', async () => {
    const { sink } = arraySink();
    const collector = startCollector({ msbHome: testHome(), sinks: { sink } });
    await collector.shutdown();
    expect(await lastValueFrom(collector.events$.pipe(toArray()))).toEqual([
      { type: 'sink-ended', sink: 'sink', error: undefined },
    ]);
  });

  it('shuts down also a sink that subscribes only afterwards', async () => {
    const { names, sink } = arraySink();
    let connected = (): void => {};
    const connection = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      sinks: {
        late: (flush$) => (source) => from(connection).pipe(switchMap(() => source.pipe(sink(flush$)))),
      },
    });
    await collectedOnce(collector);
    const shutdown = collector.shutdown();
    connected();
    await shutdown;
    expect(names).toEqual([]);
  });

  it('gives the first reading to all sinks, also where time does not pass in between', async () => {
    const seen: string[] = [];
    const counting = (name: string) => () => (source: Observable<Collection>) =>
      source.pipe(
        tap(() => seen.push(name)),
        ignoreElements(),
      );
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      scheduler: queueScheduler,
      sinks: { first: counting('first'), second: counting('second') },
    });
    await collector.shutdown();
    expect(seen).toEqual(['first', 'second']);
  });

  it('rejects a flush of which the receiver refuses the data, as it does its shutdown', async () => {
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      sinks: {
        sink: (flush$) =>
          deliver<Collection>(
            () => ({ export: async () => ({ status: 'rejected', error: new Error('bad data') }) }),
            { flush$ },
          ),
      },
    });
    await collectedOnce(collector);
    await expect(collector.flush()).rejects.toThrowError('bad data');
    await expect(collector.shutdown()).rejects.toThrowError(/^the last export failed: bad data$/u);
  });

  it('hands out no means to end the flushes of others', async () => {
    const { names, sink } = arraySink();
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      sinks: {
        rogue: (flush$) => {
          (flush$ as Partial<Subject<void>>).complete?.();
          return () => EMPTY;
        },
        sink,
      },
    });
    await collectedOnce(collector);
    await expect(collector.flush()).rejects.toThrowError('the sink rogue has ended');
    expect(names).toEqual(['devbox']);
    await collector.shutdown();
  });

  it('feeds several sinks from one reading', async () => {
    const first = arraySink();
    const second = arraySink();
    const receiver = await startGrpcReceiver();
    onTestFinished(() => receiver.close());
    const collector = startCollector({
      msbHome: homeWithSandbox(),
      collectIntervalMillis: 1_000,
      sinks: {
        first: first.sink,
        second: second.sink,
        otlp: (flush$) => otlpSink({ endpoint: `http://127.0.0.1:${receiver.port}`, flush$ }),
      },
    });
    const seen: Collection[] = [];
    collector.events$.subscribe((event) => event.type === 'collected' && seen.push(event.collection));
    await eventually(() => seen.length > 0);
    await collector.shutdown();
    expect(first.names).toEqual(second.names);
    expect(first.names).toEqual(seen.flatMap((collection) => Array.from(collection, ({ name }) => name)));
    expect(
      receiver.accepted
        .flatMap(({ points }) => points)
        .some(({ attributes }) => attributes['sandbox.name'] === 'devbox'),
    ).toBe(true);
  });
});
