import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type GrpcReply,
  type Receiver,
  startGrpcReceiver,
  startHttpReceiver,
  status,
} from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';
import { sampleSandboxes } from '../support/sampling.js';

const TIMES = Number(process.env.STRESS ?? '1');
const EXPORT_TIMEOUT_MILLIS = 1_000;

interface Backend {
  readonly flags: readonly string[];
  readonly receiver?: Receiver;
}

const grpc = async (reply: (index: number) => GrpcReply): Promise<Backend> => {
  const receiver = await startGrpcReceiver({ reply: (_, index) => reply(index) });
  onTestFinished(() => receiver.close());
  return { receiver, flags: [`--endpoint=http://127.0.0.1:${receiver.port}`] };
};

const BACKENDS: Record<string, () => Promise<Backend>> = {
  healthy: () => grpc(() => ({ kind: 'ok' })),
  dead: async () => {
    const { receiver, flags } = await grpc(() => ({ kind: 'ok' }));
    await receiver?.close();
    return { flags };
  },
  hung: () => grpc(() => ({ kind: 'hang' })),
  flapping: () => grpc((index) => (index % 2 === 0 ? { kind: 'status', code: 14 } : { kind: 'ok' })),
  'down over HTTP': async () => {
    const receiver = await startHttpReceiver({ reply: () => status(503) });
    onTestFinished(() => receiver.close());
    return { flags: [`--endpoint=${receiver.url}`, '--protocol=http'] };
  },
};

/** The time of the newest sample that a receiver has, and how many there are of it. */
function newestSample(receiver: Receiver): number {
  return Math.max(
    0,
    ...receiver.accepted.flatMap(({ points }) =>
      points.map(({ timeNanos, metric }) =>
        metric === 'microsandbox.uptime' ? Number(timeNanos / 1_000_000n) : 0,
      ),
    ),
  );
}

describe.each(Object.keys(BACKENDS))('SIGTERM at a random moment, with a backend that is %s', (name) => {
  it(
    'ends in time, with the right exit status, and leaves nothing behind',
    async () => {
      const random = (): number => Math.floor(Math.random() * 1_200);
      for (let round = 0; round < 5 * TIMES; round++) {
        const { flags, receiver } = await BACKENDS[name]();
        const msbHome = testHome();
        const { registry, stop } = sampleSandboxes({ msbHome, count: 5, intervalMillis: 50 });
        const run = new Cli([
          'otel',
          ...flags,
          `--msb-home=${msbHome}`,
          '--collect-interval=20ms',
          '--flush-interval=70ms',
          `--export-timeout=${EXPORT_TIMEOUT_MILLIS}ms`,
          '--log-level=debug',
        ]);
        const delay = random();
        await new Promise((resolve) => setTimeout(resolve, delay));
        stop();
        const newestWritten = Number(registry.view.getBigInt64(registry.offsetOf(0) + 0x30, true));
        await new Promise((resolve) => setTimeout(resolve, 60));
        const signalledAt = performance.now();
        run.child.kill('SIGTERM');
        const { code, signal } = await run.exit;
        const took = performance.now() - signalledAt;
        const context = `${name}, SIGTERM after ${delay} ms, took ${took.toFixed(0)} ms:\n${run.stderr.slice(-800)}`;
        const started = run.stderr.includes('collecting');
        const collected = run.stderr.includes('collected');
        // Twice the timeout, for an export in flight has its own; the rest is for a busy machine.
        expect(took, context).toBeLessThan(2 * EXPORT_TIMEOUT_MILLIS + 10_000);
        if (signal !== null) {
          // Before the program could do anything about it.
          expect(started, context).toBe(false);
          continue;
        }
        if (name === 'healthy') {
          expect(code, context).toBe(0);
          if (collected && receiver !== undefined) {
            expect(newestSample(receiver), context).toBeGreaterThanOrEqual(newestWritten - 100);
          }
        } else if (collected && name !== 'flapping') {
          expect(code, context).toBe(1);
          expect(run.stderr, context).toMatch(/the last export failed, \d+ collections? (is|are) lost/u);
        } else {
          expect([0, 1], context).toContain(code);
        }
      }
    },
    60_000 * Math.max(1, TIMES),
  );
});

describe('an error that nobody expected', () => {
  it.each([
    ['thrown', "setTimeout(() => { throw new Error('out of the blue') }, 900)"],
    ['rejected', "setTimeout(() => Promise.reject(new Error('out of the blue')), 900)"],
  ])('%s is logged, what is held gets its last attempt, and the exit status is 1', async (_, code) => {
    const receiver = await startGrpcReceiver();
    onTestFinished(() => receiver.close());
    const msbHome = testHome();
    sampleSandboxes({ msbHome, count: 1, intervalMillis: 100 });
    const run = new Cli(
      [
        'otel',
        `--endpoint=http://127.0.0.1:${receiver.port}`,
        `--msb-home=${msbHome}`,
        '--collect-interval=20ms',
        '--flush-interval=1m',
      ],
      {
        env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` },
      },
    );
    expect((await run.exit).code).toBe(1);
    expect(run.stderr).toMatch(
      /ERROR msb_metrics: unexpected error, draining error="?Error: out of the blue/u,
    );
    await eventually(() => receiver.accepted.length === 1);
    expect(
      receiver.accepted[0].points.some(({ attributes }) => attributes['sandbox.name'] === 'sandbox-0'),
    ).toBe(true);
  });
});
