import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startGrpcReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const TIMEOUT_MILLIS = 1_500;

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

/** A receiver that answers its first request when told to, and all others at once. */
async function start(protocol: 'grpc' | 'http') {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  if (protocol === 'grpc') {
    const receiver = await startGrpcReceiver({
      reply: (_, index) => (index === 0 ? { kind: 'late', answer: released } : { kind: 'ok' }),
    });
    onTestFinished(() => receiver.close());
    return {
      endpoint: `http://127.0.0.1:${receiver.port}`,
      requests: () => receiver.requests.length,
      release,
    };
  }
  let requests = 0;
  const server = createServer((request, response) => {
    const isFirst = requests++ === 0;
    request.resume().on('end', async () => {
      if (isFirst) {
        await released;
      }
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address() as { port: number };
  return { endpoint: `http://127.0.0.1:${address.port}/v1/metrics`, requests: () => requests, release };
}

describe.each(['grpc', 'http'] as const)('a process that is stopped during an export over %s', (protocol) => {
  it('reads the answer that came meanwhile before it gives up: nothing is sent twice', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const { endpoint, requests, release } = await start(protocol);
    const run = new Cli([
      'otel',
      `--msb-home=${msbHome}`,
      `--endpoint=${endpoint}`,
      `--protocol=${protocol}`,
      '--collect-interval=100ms',
      '--flush-interval=200ms',
      `--export-timeout=${TIMEOUT_MILLIS}ms`,
      '--log-level=debug',
    ]);
    await eventually(() => requests() === 1);
    run.child.kill('SIGSTOP');
    release();
    // Stopped for longer than the export may take, so that its timer is due when the process goes on.
    await pause(TIMEOUT_MILLIS + 500);
    run.child.kill('SIGCONT');
    await eventually(() => run.stderr.includes(': exported '));
    expect(run.stderr).not.toContain('no answer within');
    expect(await run.stop()).toBe(0);
  });
});
