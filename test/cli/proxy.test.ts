import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Receiver, startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';
import { type HttpProxy, PROXY_PASSWORD, startProxy } from '../support/http-proxy.js';
import { sampleSandboxes } from '../support/sampling.js';
import { NAMED_CA_FILE, serverIdentity } from '../support/tls.js';

/** Only the proxy resolves this name. */
const NAME = 'collector.example';

interface Way {
  readonly receive: () => Promise<Receiver>;
  readonly flags: (host: string, port: number) => string[];
  /** Of the one proxy. */
  readonly variable: string;
  readonly trust?: string;
  readonly isForwarded?: boolean;
}

const tls = serverIdentity('named');

const ways: readonly [string, Way][] = [
  [
    'gRPC',
    {
      receive: () => startGrpcReceiver(),
      flags: (host, port) => [`--endpoint=http://${host}:${port}`],
      variable: 'http_proxy',
    },
  ],
  [
    'gRPC with TLS',
    {
      receive: () => startGrpcReceiver({ tls }),
      flags: (host, port) => [`--endpoint=https://${host}:${port}`, `--ca-cert=${NAMED_CA_FILE}`],
      variable: 'HTTPS_PROXY',
    },
  ],
  [
    'HTTP',
    {
      receive: () => startHttpReceiver(),
      flags: (host, port) => [`--endpoint=http://${host}:${port}/v1/metrics`, '--protocol=http'],
      variable: 'HTTP_PROXY',
      isForwarded: true,
    },
  ],
  [
    'HTTP with TLS',
    {
      receive: () => startHttpReceiver({ tls }),
      flags: (host, port) => [`--endpoint=https://${host}:${port}/v1/metrics`, '--protocol=http'],
      variable: 'https_proxy',
      trust: NAMED_CA_FILE,
    },
  ],
];

describe.each(ways)('a proxy for %s', (_, { receive, flags, variable, trust, isForwarded = false }) => {
  const start = async (proxy: HttpProxy, ...more: string[]): Promise<{ run: Cli; receiver: Receiver }> => {
    const receiver = await receive();
    onTestFinished(() => receiver.close());
    const msbHome = testHome();
    sampleSandboxes({ msbHome, count: 1, intervalMillis: 50 });
    const run = new Cli(
      [
        'otel',
        ...flags(NAME, receiver.port),
        `--msb-home=${msbHome}`,
        '--collect-interval=50ms',
        '--flush-interval=100ms',
        ...more,
      ],
      { env: { [variable]: proxy.url, ...(trust === undefined ? {} : { NODE_EXTRA_CA_CERTS: trust }) } },
    );
    return { run, receiver };
  };

  it('delivers through it; while it refuses, that is told once, and nothing is lost', async () => {
    const proxy = await startProxy('refuse');
    const { run, receiver } = await start(proxy);
    await eventually(() => proxy.refused >= 3);
    proxy.mode = 'forward';
    await eventually(() => receiver.accepted.length > 0);
    expect(await run.stop()).toBe(0);
    expect(isForwarded ? proxy.forwarded : proxy.tunnels).not.toEqual([]);

    const failures = run.stderr.split('\n').filter((line) => line.includes('metrics export failed'));
    expect(failures).toEqual([
      expect.stringMatching(
        isForwarded ? / WARN .*HTTP 502/u : / WARN .*HTTP 502.*remedy="look at HTTPS_PROXY/u,
      ),
    ]);
    expect(run.stderr).toContain('metrics exporter recovered');
    expect(run.stderr).toContain('collections_dropped=0 collections_lost=0');
    expect(run.stderr).not.toContain(PROXY_PASSWORD);
  });

  it('that never answers keeps no connection of an attempt that is over', async () => {
    const proxy = await startProxy('silent');
    const { run } = await start(proxy, '--export-timeout=300ms');
    await eventually(() => run.stderr.includes('metrics export failed'));
    for (let round = 0; round < 2; round++) {
      await eventually(() => proxy.connections() === 1);
      await eventually(() => proxy.connections() === 0);
    }
    run.child.kill('SIGKILL');
  });
});

describe.each([
  ['plain', 'http', 'http_proxy', () => http2.createServer()],
  ['TLS', 'https', 'https_proxy', () => http2.createSecureServer({ key: tls.key, cert: tls.certificate })],
] as const)('a page behind a proxy, where gRPC should be, %s', (_, scheme, variable, createServer) => {
  it('is told with its status, its type and its first words', async () => {
    const server = createServer();
    server.on('request', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const proxy = await startProxy('forward');
    const run = new Cli(
      [
        'otel',
        `--endpoint=${scheme}://${NAME}:${(server.address() as AddressInfo).port}`,
        ...(scheme === 'https' ? [`--ca-cert=${NAMED_CA_FILE}`] : []),
        `--msb-home=${testHome()}`,
        '--flush-interval=100ms',
      ],
      { env: { [variable]: proxy.url } },
    );
    await eventually(() => run.stderr.includes('metrics export failed'));
    expect(run.stderr).toContain('HTTP 200, text/html, which is not gRPC: <html>Please log in</html>');
    await run.stop();
  });
});
