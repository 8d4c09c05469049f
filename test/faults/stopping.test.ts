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

/** How many collections the program says that it made, and how many of them it delivered. */
function books(stderr: string): { made: number; exported: number } {
  const exported = Array.from(stderr.matchAll(/ exported collections=(\d+)/gu), ([, count]) => Number(count));
  return {
    made: stderr.match(/ collected /gu)?.length ?? 0,
    exported: exported.reduce((sum, count) => sum + count, 0),
  };
}

describe.each(Object.keys(BACKENDS))('SIGTERM at a random moment, with a backend that is %s', (name) => {
  it(
    'ends in time, with the right exit status, and leaves nothing behind',
    async () => {
      const random = (): number => Math.floor(Math.random() * 1_200);
      for (let round = 0; round < 5 * TIMES; round++) {
        const { flags } = await BACKENDS[name]();
        const msbHome = testHome();
        sampleSandboxes({ msbHome, count: 5, intervalMillis: 50 });
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
          const { made, exported } = books(run.stderr);
          expect(exported, context).toBe(made);
        } else if (collected && name !== 'flapping') {
          expect(code, context).toBe(1);
          expect(run.stderr, context).toMatch(/stopped, the last export failed .*collections_lost=\d/u);
        } else {
          expect([0, 1], context).toContain(code);
        }
      }
    },
    60_000 * Math.max(1, TIMES),
  );
});

describe('an error that nobody expected', () => {
  /** Code that waits until the program runs, and then goes wrong. */
  const oncePrepared = (code: string): string =>
    `const timer = setInterval(() => { if (process.listenerCount('uncaughtException') > 0) { clearInterval(timer); setTimeout(() => { ${code} }, 300); } }, 20)`;

  it.each([
    ['thrown', oncePrepared("throw new Error('out of the blue')")],
    ['rejected', oncePrepared("Promise.reject(new Error('out of the blue'))")],
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
