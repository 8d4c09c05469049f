import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ExportError, type OtlpSinkOptions } from '../../../src/index.js';
import { REMEDIES, remedyFor } from '../../../src/sinks/otlp/transport/remedies.js';
import { type GrpcReply, startGrpcReceiver } from '../../receiver/receiver.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { CA_FILE, OTHER_CA_FILE, serverIdentity } from '../../support/tls.js';

const caCertificate = readFileSync(CA_FILE, 'utf8');
const otherCa = readFileSync(OTHER_CA_FILE, 'utf8');
const { key, certificate: cert } = serverIdentity('server');
const TROUBLESHOOTING = readFileSync(new URL('../../../docs/troubleshooting.md', import.meta.url), 'utf8');

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    (server as http.Server).closeAllConnections?.();
  });
  return (server.address() as AddressInfo).port;
}

const page = (status: number) => (_: unknown, response: http.ServerResponse | http2.Http2ServerResponse) => {
  response.writeHead(status, { 'content-type': 'text/html' });
  (response as http.ServerResponse).end('<html>Please log in</html>');
};

const grpcReceiver = async (options: Parameters<typeof startGrpcReceiver>[0]) => {
  const receiver = await startGrpcReceiver(options);
  onTestFinished(() => receiver.close());
  return receiver.port;
};

/** The error of the first export to this endpoint. */
async function failureOf(options: OtlpSinkOptions): Promise<ExportError> {
  const sink = new DrivenSink({ exportTimeoutMillis: 10_000, ...options });
  sink.collect(collectionOf(sandboxRuns(1)));
  const event = await sink.flush();
  if (event.type !== 'failed') {
    throw new Error(`expected a failure, got ${event.type}`);
  }
  expect(event.error).toBeInstanceOf(ExportError);
  return event.error as ExportError;
}

const grpcTo = (port: number, scheme = 'http', options = {}): OtlpSinkOptions => ({
  endpoint: `${scheme}://localhost:${port}`,
  ...options,
});
const httpTo = (port: number, scheme = 'http'): OtlpSinkOptions => ({
  endpoint: `${scheme}://localhost:${port}/v1/metrics`,
  protocol: 'http',
});
const status = (code: number): { reply: () => GrpcReply } => ({
  reply: () => ({ kind: 'status', code, details: 'no' }),
});
const tls = { key, cert };

const CASES: readonly [string, () => Promise<OtlpSinkOptions>, RegExp][] = [
  [
    'gRPC to an HTTP port',
    async () => grpcTo(await listening(http.createServer(page(404)))),
    /speaks HTTP\/1.*--protocol=http/u,
  ],
  ['HTTP to a gRPC port', async () => httpTo(await grpcReceiver({})), /4318.*--protocol=grpc/u],
  [
    'gRPC without TLS to a TLS port',
    async () => grpcTo(await listening(https.createServer(tls, page(404)))),
    /may want TLS \(https:/u,
  ],
  [
    'HTTP without TLS to a TLS port',
    async () => httpTo(await listening(https.createServer(tls, page(404)))),
    /may want TLS \(https:/u,
  ],
  ...(
    [
      [
        'a server in Go',
        'text/plain',
        'Client sent an HTTP request to an HTTPS server.\n',
        /https:\/\/ in --endpoint/u,
      ],
      [
        'nginx',
        'text/html',
        '<html>\r\n<center>The plain HTTP request was sent to HTTPS port</center>\r\n</html>',
        /https:\/\/ in --endpoint/u,
      ],
      [
        'Apache',
        'text/html',
        "<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        /https:\/\/ in --endpoint/u,
      ],
      [
        'nginx that wants a client certificate',
        'text/html',
        '<html>\r\n<center>No required SSL certificate was sent</center>\r\n</html>',
        /--client-cert/u,
      ],
      [
        'nginx that does not trust a client certificate',
        'text/html',
        '<html>\r\n<center>The SSL certificate error</center>\r\n</html>',
        /--client-cert/u,
      ],
    ] as const
  ).map(([server, type, body, remedy]): (typeof CASES)[number] => [
    `HTTP 400 for the connection, of ${server}`,
    async () =>
      httpTo(
        await listening(
          http.createServer((_, response) => response.writeHead(400, { 'content-type': type }).end(body)),
        ),
      ),
    remedy,
  ]),
  [
    'gRPC with TLS to a plain port',
    async () => grpcTo(await grpcReceiver({}), 'https', { caCertificate }),
    /without TLS: use http:/u,
  ],
  [
    'HTTP with TLS to a plain port',
    async () => httpTo(await listening(http.createServer(page(404))), 'https'),
    /without TLS: use http:/u,
  ],
  [
    'gRPC to a port of HTTPS',
    async () => grpcTo(await listening(https.createServer(tls, page(404))), 'https', { caCertificate }),
    /does not speak HTTP\/2/u,
  ],
  [
    'gRPC with an unknown CA',
    async () =>
      grpcTo(await grpcReceiver({ tls: serverIdentity('server') }), 'https', { caCertificate: otherCa }),
    /--ca-cert/u,
  ],
  [
    'HTTP with an unknown CA',
    async () => httpTo(await listening(https.createServer(tls, page(404))), 'https'),
    /OTEL_EXPORTER_OTLP_CERTIFICATE/u,
  ],
  [
    'an expired certificate',
    async () => grpcTo(await grpcReceiver({ tls: serverIdentity('expired') }), 'https', { caCertificate }),
    /out of date/u,
  ],
  [
    'a certificate for another name',
    async () => grpcTo(await grpcReceiver({ tls: serverIdentity('wrong-name') }), 'https', { caCertificate }),
    /another name/u,
  ],
  [
    'a server that wants a client certificate',
    async () =>
      grpcTo(
        await listening(
          http2.createSecureServer(
            { ...tls, requestCert: true, rejectUnauthorized: true, ca: caCertificate },
            page(200),
          ),
        ),
        'https',
        { caCertificate },
      ),
    /client certificate/u,
  ],
  [
    'gRPC to a name that does not resolve',
    async () => ({ endpoint: 'http://no-such-host.invalid:4317' }),
    /does not resolve/u,
  ],
  [
    'HTTP to a name that does not resolve',
    async () => ({ endpoint: 'http://no-such-host.invalid:4318/v1/metrics', protocol: 'http' }),
    /does not resolve/u,
  ],
  ['a port where nothing listens', async () => grpcTo(1), /nothing listens there/u],
  ['gRPC UNAUTHENTICATED', async () => grpcTo(await grpcReceiver(status(16))), /--header/u],
  ['gRPC PERMISSION_DENIED', async () => grpcTo(await grpcReceiver(status(7))), /rights of the key/u],
  ['gRPC UNIMPLEMENTED', async () => grpcTo(await grpcReceiver(status(12))), /4317/u],
  ['gRPC RESOURCE_EXHAUSTED', async () => grpcTo(await grpcReceiver(status(8))), /quota/u],
  ...(
    [
      [401, /--header/u],
      [403, /rights of the key/u],
      [404, /\/v1\/metrics/u],
      [405, /POST/u],
      [407, /HTTP_PROXY/u],
      [415, /protobuf/u],
      [429, /quota/u],
    ] as const
  ).map(([code, remedy]): (typeof CASES)[number] => [
    `HTTP ${code}`,
    async () => httpTo(await listening(http.createServer(page(code)))),
    remedy,
  ]),
  [
    'a page instead of gRPC',
    async () => grpcTo(await listening(http2.createServer(page(200)))),
    /not an OTLP receiver over gRPC/u,
  ],
  [
    'a redirect',
    async () =>
      httpTo(
        await listening(
          http.createServer((_, response) => response.writeHead(302, { location: '/x' }).end()),
        ),
      ),
    /redirects to/u,
  ],
];

describe('a failure says what it usually means, and which flag to look at', () => {
  it.each(CASES)('%s', async (_, options, remedy) => {
    expect((await failureOf(await options())).remedy).toMatch(remedy);
  });

  it('or nothing, where nothing is known', () => {
    expect(remedyFor('gRPC INTERNAL: x', 'grpc')).toBeUndefined();
  });

  it.each([
    ['HTTP 503 Service Unavailable: shard 401 of 512 is not ready', 'http'],
    ['HTTP 500 Internal Server Error: dial tcp: ECONNREFUSED store-1', 'http'],
    ['gRPC INTERNAL: write took 403 ms', 'grpc'],
    ['gRPC UNAVAILABLE: upstream: ETIMEDOUT', 'grpc'],
  ] as const)('and does not take the words of a backend for its own: %s', (message, protocol) => {
    expect(remedyFor(message, protocol)).toBeUndefined();
  });

  it('also where no answer comes in time', async () => {
    const port = await listening(http.createServer(() => {}));
    const error = await failureOf({ ...httpTo(port), exportTimeoutMillis: 50 });
    expect(error.message).toBe('no answer within 50 ms');
    expect(error.remedy).toMatch(/firewall/u);
  });
});

describe('docs/troubleshooting.md', () => {
  it.each(REMEDIES)('has the remedy for $pattern', ({ advice, protocol }) => {
    const row = TROUBLESHOOTING.split('\n').find((line) => line.includes(advice));
    expect(row).toMatch(
      protocol === undefined ? /\| both \|/u : protocol === 'grpc' ? /\| gRPC \|/u : /\| HTTP \|/u,
    );
  });

  it('has no remedy that the program does not have', () => {
    const section = TROUBLESHOOTING.split('| remedy |')[1].split('\n\n')[0];
    const advice = section
      .split('\n')
      .slice(2)
      .map((row) => row.split(' | ').at(-1)?.replace(/ \|$/u, ''));
    expect(advice).toEqual(REMEDIES.map((remedy) => remedy.advice));
  });
});

describe('an answer that is not gRPC', () => {
  it('is a failure with its HTTP status, content type and first words, and nothing is sent again at once', async () => {
    let requests = 0;
    const port = await listening(
      http2.createServer((request, response) => {
        requests++;
        page(200)(request, response);
      }),
    );
    const { message } = await failureOf(grpcTo(port));
    expect(message).toBe('HTTP 200, text/html, which is not gRPC: <html>Please log in</html>');
    // The export, and the one that asks what answers there.
    expect(requests).toBe(2);
  });

  it('of any size is no refusal of ours: the batch stays whole', async () => {
    const port = await grpcReceiver({ reply: () => ({ kind: 'bytes', bytes: Buffer.alloc(5 * 2 ** 20) }) });
    const sink = new DrivenSink(grpcTo(port));
    sink.collect(collectionOf(sandboxRuns(3), 1_790_000_000_000));
    sink.collect(collectionOf(sandboxRuns(3), 1_790_000_001_000));
    const event = await sink.flush();
    expect(event).toMatchObject({ type: 'failed', held: 2 });
    expect(sink.of('split')).toEqual([]);
  });
});

describe('an answer of a foreign content type', () => {
  const answerOf = async (type: string, status: string, message: string) =>
    listening(
      http2.createServer().on('stream', (stream: http2.ServerHttp2Stream) => {
        stream.on('error', () => {});
        stream.respond({ ':status': 200, 'content-type': type }, { waitForTrailers: true });
        stream.on('wantTrailers', () =>
          stream.sendTrailers({ 'grpc-status': status, 'grpc-message': message }),
        );
        stream.end(Buffer.alloc(5));
      }) as unknown as Server,
    );

  it.each([
    ['application/json', '0', ''],
    ['text/html', '8', 'message larger than max (5 vs. 4)'],
    ['text/html', '3', 'bad'],
  ])('is a failure, whatever its gRPC status says: %s, %s', async (type, status, message) => {
    const error = await failureOf(grpcTo(await answerOf(type, status, message)));
    expect(error.message).toMatch(new RegExp(`^HTTP 200, ${type}, which is not gRPC`, 'u'));
  });
});

describe('an answer over gRPC that is compressed', () => {
  it.each([
    ['and is not', 'gzip', /Failed to decompress/u],
    ['and does not say so', 'identity', /cannot be read/u],
    ['in a way that is not known', 'x', /cannot be read/u],
  ])('%s is a failure', async (_, encoding, message) => {
    const port = await listening(
      http2.createServer().on('stream', (stream: http2.ServerHttp2Stream) => {
        stream.on('error', () => {});
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': encoding },
          { waitForTrailers: true },
        );
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.from([1, 0, 0, 0, 3, 1, 2, 3]));
      }) as unknown as Server,
    );
    expect((await failureOf(grpcTo(port))).message).toMatch(message);
  });
});

describe('HTTP 200 with a page', () => {
  it('counts as delivered, with a remark that the data is most likely lost', async () => {
    const sink = new DrivenSink(httpTo(await listening(http.createServer(page(200)))));
    sink.collect(collectionOf(sandboxRuns(1)));
    expect(await sink.flush()).toMatchObject({ type: 'flushed' });
    expect(sink.of('exported')[0].partial).toEqual({
      rejectedPoints: 0,
      message: expect.stringMatching(
        /a page \(text\/html\) instead of an OTLP answer.*most likely lost.*log in/u,
      ),
    });
  });
});
