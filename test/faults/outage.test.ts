import { of, Subject, throwError, timer, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../src/cli/log.js';
import { levelFilter } from '../../src/cli/log-filter.js';
import { Reporter } from '../../src/cli/report.js';
import { deliver } from '../../src/streams/deliver.js';
import { startGrpcReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** A sink through hours of virtual time, one item a second, its log at the default level. */
function live(
  hours: number,
  backend: (now: number, attempt: number) => 'up' | 'down' | 'other',
): {
  lines: string[];
  attempts: number[];
  mostHeld: number;
  delivered: number;
  collected: number;
  dropped: number;
  lost: number;
} {
  const scheduler = new VirtualTimeScheduler();
  scheduler.maxFrames = Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  const reporter = new Reporter(
    createLog({ format: 'text', filter: levelFilter('info'), write: (line) => lines.push(line) }),
    { msbHome: '/x', findRegistries: () => [] },
  );
  const items$ = new Subject<number>();
  const attempts: number[] = [];
  let mostHeld = 0;
  let delivered = 0;
  let collected = 0;
  let dropped = 0;
  let lost = 0;
  items$
    .pipe(
      deliver<number>(
        () => ({
          export: (batch) => {
            attempts.push(scheduler.now());
            mostHeld = Math.max(mostHeld, batch.length);
            const state = backend(scheduler.now(), attempts.length);
            return state === 'up'
              ? of(undefined)
              : throwError(() => new Error(state === 'down' ? 'ECONNREFUSED' : 'HTTP 401'));
          },
        }),
        { scheduler },
      ),
    )
    .subscribe((event) => {
      reporter.report({ type: 'delivery', sink: 'otlp', event });
      delivered += event.type === 'exported' ? event.items : 0;
      dropped += event.type === 'dropped' ? event.items : 0;
      lost += event.type === 'drained' ? event.lost : 0;
      mostHeld = event.type === 'failed' ? Math.max(mostHeld, event.held) : mostHeld;
    });
  timer(500, SECOND, scheduler).subscribe({
    next: (tick) => (tick < hours * 3_600 ? items$.next(++collected) : items$.complete()),
  });
  scheduler.schedule(() => scheduler.actions.splice(0), hours * HOUR + 60 * SECOND);
  scheduler.flush();
  return { lines, attempts, mostHeld, delivered, collected, dropped, lost };
}

describe('an outage', () => {
  it('of an hour makes tens of lines at most, holds what the bound says, and loses no more than that', () => {
    const { lines, attempts, mostHeld, delivered, collected, dropped, lost } = live(3, (now) =>
      now > HOUR && now < 2 * HOUR ? 'down' : 'up',
    );
    expect(lines.length).toBeLessThan(10);
    expect(lines.filter((line) => line.includes('metrics export failed'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('metrics exporter recovered'))).toHaveLength(1);
    expect(mostHeld).toBe(60);
    expect(delivered + dropped + lost).toBe(collected);
    expect(lost).toBe(0);
    // At most 32 flush intervals of the outage's end are added to it.
    expect(dropped).toBeLessThan(3_600 + 320);
    const inOutage = attempts.filter((at) => at > HOUR && at < 2 * HOUR);
    expect(inOutage.length).toBeLessThan(20);
  });

  it('at start is survived', () => {
    const { delivered, dropped, collected } = live(1, (now) => (now < 600 * SECOND ? 'down' : 'up'));
    expect(delivered + dropped).toBe(collected);
    expect(delivered).toBeGreaterThan(2_500);
  });

  it('that flaps at every flush delivers all, and is told once each time', () => {
    const { delivered, collected, dropped } = live(1, (_, attempt) => (attempt % 2 === 0 ? 'up' : 'down'));
    expect([delivered, dropped]).toEqual([collected, 0]);
  });

  it('whose cause changes is told again', () => {
    const { lines } = live(1, (now) => (now < 600 * SECOND ? 'down' : 'other'));
    expect(
      lines
        .filter((line) => line.includes('metrics export failed'))
        .map((line) => /error=("[^"]*"|\S+)/u.exec(line)?.[1]),
    ).toEqual(['ECONNREFUSED', '"HTTP 401"']);
  });
});

describe('a wall clock that is stepped', () => {
  it.each([
    ['back an hour', -HOUR],
    ['ahead a day', 24 * HOUR],
  ])('%s: cadence and backoff go on, and nothing is sent twice', (_, step) => {
    const times = (stepped: boolean): { attempts: number[]; batches: number[] } => {
      const virtual = new VirtualTimeScheduler();
      virtual.maxFrames = 300 * SECOND;
      const scheduler: VirtualTimeScheduler = Object.create(virtual, {
        now: { value: () => virtual.now() + (stepped && virtual.now() > 95 * SECOND ? step : 0) },
      });
      const items$ = new Subject<number>();
      const attempts: number[] = [];
      const batches: number[] = [];
      const subscription = items$
        .pipe(
          deliver<number>(
            () => ({
              export: (batch) => {
                attempts.push(virtual.now());
                const isDown = virtual.now() > 60 * SECOND && virtual.now() < 120 * SECOND;
                if (isDown) {
                  throw new Error('down');
                }
                batches.push(...batch);
                return of(undefined);
              },
            }),
            { scheduler, maxBuffered: 1_000 },
          ),
        )
        .subscribe();
      timer(500, SECOND, virtual).subscribe((tick) => items$.next(tick));
      virtual.flush();
      subscription.unsubscribe();
      return { attempts, batches };
    };
    const stepped = times(true);
    expect(stepped).toEqual(times(false));
    expect(stepped.batches).toEqual([...new Set(stepped.batches)]);
  });
});

describe('a log', () => {
  it.each(['text', 'json'])('in %s has one line a record, whatever a backend says', async (format) => {
    const evil =
      'no\n2026-05-30T02:44:31.123Z  INFO msb_metrics: all is well\u001b[2J\u0085\u2028{"level":"INFO"}';
    const receiver = await startGrpcReceiver({
      reply: () => ({ kind: 'ok', rejectedDataPoints: 1, errorMessage: evil }),
    });
    onTestFinished(() => receiver.close());
    const run = new Cli([
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      `--msb-home=${testHome()}`,
      '--flush-interval=50ms',
      `--log-format=${format}`,
    ]);
    await eventually(() => run.stderr.includes('only in part'));
    await run.stop();
    expect(run.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028]/u);
    const lines = run.stderr.trimEnd().split('\n');
    const line = lines.find((each) => each.includes('only in part')) ?? '';
    expect(lines.filter((each) => each.includes('all is well'))).toEqual([line]);
    if (format === 'json') {
      for (const each of lines) {
        expect(JSON.parse(each)).toMatchObject({ level: expect.any(String), message: expect.any(String) });
      }
      expect(JSON.parse(line)).toMatchObject({
        level: 'WARN',
        target: 'msb_metrics::otlp',
        message: 'the backend accepts requests only in part',
      });
    } else {
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z {2}WARN msb_metrics::otlp: the backend accepts/u);
    }
  });
});
