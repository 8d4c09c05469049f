import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { startGrpcReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';
import { sampleSandboxes } from '../support/sampling.js';

const USER = 'user:p4ssw0rd';

/** An HTTP proxy on loopback for one user, that can be told to refuse all. */
async function startProxy() {
  const control = { refusing: false, refused: 0, tunnels: 0 };
  const sockets = new Set<Duplex>();
  const server = createServer().on('connect', (request: IncomingMessage, client: Socket) => {
    sockets.add(client.on('error', () => {}));
    const [host, port] = (request.url ?? '').split(':');
    const expected = `Basic ${Buffer.from(USER).toString('base64')}`;
    if (control.refusing || request.headers['proxy-authorization'] !== expected) {
      control.refused++;
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    control.tunnels++;
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    }).on('error', () => client.destroy());
    sockets.add(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => server.close(resolve));
  });
  return { control, url: `http://${USER}@127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it('delivers through the proxy of http_proxy; while it refuses, its words are told once', async () => {
  const proxy = await startProxy();
  const receiver = await startGrpcReceiver();
  onTestFinished(() => receiver.close());
  const msbHome = testHome();
  sampleSandboxes({ msbHome, count: 1, intervalMillis: 50 });
  proxy.control.refusing = true;
  const run = new Cli(
    [
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      `--msb-home=${msbHome}`,
      '--collect-interval=50ms',
      '--flush-interval=100ms',
    ],
    { env: { http_proxy: proxy.url } },
  );
  await eventually(() => proxy.control.refused >= 3);
  proxy.control.refusing = false;
  await eventually(() => receiver.accepted.length > 0);
  expect(await run.stop()).toBe(0);
  expect(proxy.control.tunnels).toBeGreaterThan(0);

  const warnings = run.stderr.split('\n').filter((line) => line.includes(' WARN '));
  expect(warnings.filter((line) => line.includes(' grpc: '))).toEqual([
    expect.stringMatching(
      /Failed to connect to 127\.0\.0\.1:\d+ through proxy 127\.0\.0\.1:\d+ with status 502/u,
    ),
  ]);
  expect(warnings.filter((line) => line.includes('metrics export failed'))).toHaveLength(1);
  expect(run.stderr).toContain('metrics exporter recovered');
  expect(run.stderr).not.toContain('p4ssw0rd');
});
