import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { OtlpSinkOptions } from '../../../src/index.js';
import {
  type Receiver,
  type ServerTls,
  startGrpcReceiver,
  startHttpReceiver,
} from '../../receiver/receiver.js';
import { sandboxPoints } from '../../support/arrived.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { CA_FILE, CLIENT_CA_FILE, clientFiles, OTHER_CA_FILE, serverIdentity } from '../../support/tls.js';

const caCertificate = readFileSync(CA_FILE, 'utf8');

const client = (name: 'client' | 'client-renewed') => {
  const { certificate, key } = clientFiles(name);
  return { clientCertificate: readFileSync(certificate, 'utf8'), clientKey: readFileSync(key, 'utf8') };
};

interface Protocol {
  readonly start: (tls?: ServerTls) => Promise<Receiver>;
  readonly sinkTo: (receiver: Receiver, options?: Partial<OtlpSinkOptions>) => DrivenSink;
}

const protocols: readonly [string, Protocol][] = [
  [
    'gRPC',
    {
      start: (tls) => startGrpcReceiver({ ...(tls === undefined ? {} : { tls }) }),
      sinkTo: ({ port }, options) => new DrivenSink({ endpoint: `https://127.0.0.1:${port}`, ...options }),
    },
  ],
  [
    'HTTP',
    {
      start: (tls) => startHttpReceiver({ ...(tls === undefined ? {} : { tls }) }),
      sinkTo: ({ port }, options) =>
        new DrivenSink({ endpoint: `https://127.0.0.1:${port}/v1/metrics`, protocol: 'http', ...options }),
    },
  ],
];

let sampledAtMillis = 1_790_000_000_000;

const tick = (sandboxes = 1) => collectionOf(sandboxRuns(sandboxes), ++sampledAtMillis);

describe.each(protocols)('TLS over %s', (_, { start, sinkTo }) => {
  const started = async (tls?: ServerTls): Promise<Receiver> => {
    const receiver = await start(tls);
    onTestFinished(() => receiver.close());
    return receiver;
  };
  const secured = (): Promise<Receiver> =>
    started({ ...serverIdentity('server'), clientCa: readFileSync(CLIENT_CA_FILE, 'utf8') });
  const flushed = async (sink: DrivenSink) => {
    sink.collect(tick());
    return sink.flush();
  };

  it('trusts the authority that is named', async () => {
    const receiver = await started(serverIdentity('server'));
    expect(await flushed(sinkTo(receiver, { caCertificate }))).toEqual({ type: 'flushed' });
    expect(receiver.accepted).toHaveLength(1);
  });

  it.each([
    ['an unknown authority', 'server', OTHER_CA_FILE, /unable to verify|unable to get|self.signed/u],
    ['a wrong name', 'wrong-name', CA_FILE, /does not match certificate|altnames/u],
    ['an expired certificate', 'expired', CA_FILE, /certificate has expired/u],
  ] as const)('fails for %s, and says so', async (__, identity, ca, message) => {
    const receiver = await started(serverIdentity(identity));
    const sink = sinkTo(receiver, { caCertificate: readFileSync(ca, 'utf8') });
    expect(await flushed(sink)).toMatchObject({
      type: 'failed',
      held: 1,
      error: { message: expect.stringMatching(message) },
    });
    expect(receiver.requests).toHaveLength(0);
  });

  it('shows its certificate to a server that wants one', async () => {
    const receiver = await secured();
    expect(await flushed(sinkTo(receiver, { caCertificate, ...client('client') }))).toEqual({
      type: 'flushed',
    });
    expect(receiver.accepted[0].headers[':client']).toBe('client');
  });

  it('fails without one, and says what is missing', async () => {
    const receiver = await secured();
    expect(await flushed(sinkTo(receiver, { caCertificate }))).toMatchObject({
      type: 'failed',
      held: 1,
      error: { remedy: expect.stringContaining('client certificate') },
    });
    expect(receiver.requests).toHaveLength(0);
  });

  it('shows a renewed certificate from the next export on, over a new connection, and loses nothing', async () => {
    const receiver = await secured();
    let now: 'client' | 'client-renewed' = 'client';
    const sink = sinkTo(receiver, {
      caCertificate,
      clientCertificate: () => client(now).clientCertificate,
      clientKey: () => client(now).clientKey,
    });
    expect(await flushed(sink)).toEqual({ type: 'flushed' });
    expect(await flushed(sink)).toEqual({ type: 'flushed' });
    now = 'client-renewed';
    expect(await flushed(sink)).toEqual({ type: 'flushed' });
    expect(receiver.accepted.map(({ headers }) => headers[':client'])).toEqual([
      'client',
      'client',
      'client-renewed',
    ]);
  });

  it('follows an authority that is renewed', async () => {
    const receiver = await started(serverIdentity('server'));
    let file = OTHER_CA_FILE;
    const sink = sinkTo(receiver, { caCertificate: () => readFileSync(file, 'utf8') });
    expect((await flushed(sink)).type).toBe('failed');
    file = CA_FILE;
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(receiver.accepted).toHaveLength(1);
  });

  it('is not spoken to a server without TLS, nor left out for one with it', async () => {
    const plain = await started();
    expect((await flushed(sinkTo(plain))).type).toBe('failed');
    const withTls = await started(serverIdentity('server'));
    const endpoint = `http://127.0.0.1:${withTls.port}/`;
    expect((await flushed(sinkTo(withTls, { endpoint }))).type).toBe('failed');
  });
});

describe.each(protocols)('headers over %s', (_, { sinkTo, start }) => {
  it('are asked for before each export; what cannot be sent fails it without a word of the value', async () => {
    const receiver = await start();
    onTestFinished(() => receiver.close());
    let token = 'first-secret';
    const sink = sinkTo(receiver, {
      endpoint: `http://127.0.0.1:${receiver.port}/`,
      headers: () => ({ authorization: token }),
    });
    sink.collect(tick());
    await sink.flush();
    token = 'broken-secret\n';
    sink.collect(tick());
    const failed = await sink.flush();
    expect(failed).toMatchObject({ type: 'failed', held: 1 });
    expect(JSON.stringify(failed)).not.toContain('broken-secret');
    token = 'second-secret';
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(receiver.accepted.map(({ headers }) => headers.authorization)).toEqual([
      'first-secret',
      'second-secret',
    ]);
  });

  it('may come from a function that throws: nothing is lost', async () => {
    const receiver = await start();
    onTestFinished(() => receiver.close());
    let isBroken = true;
    const sink = sinkTo(receiver, {
      endpoint: `http://127.0.0.1:${receiver.port}/`,
      headers: () => {
        if (isBroken) {
          throw new Error('the vault is away');
        }
        return {};
      },
    });
    sink.collect(tick());
    expect(await sink.flush()).toMatchObject({ type: 'failed', error: { message: 'the vault is away' } });
    isBroken = false;
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(receiver.accepted).toHaveLength(1);
  });
});

describe('gzip over HTTP', () => {
  it('shrinks what is sent, and the receiver sees the same', async () => {
    const collection = tick(500);
    const received = [];
    for (const compression of ['none', 'gzip'] as const) {
      const receiver = await startHttpReceiver();
      onTestFinished(() => receiver.close());
      const sink = new DrivenSink({ endpoint: receiver.url, protocol: 'http', compression });
      sink.collect(collection);
      expect(await sink.flush()).toEqual({ type: 'flushed' });
      const [{ points, headers }] = receiver.accepted;
      received.push({ bytes: Number(headers[':bytes']), points: sandboxPoints(points) });
    }
    const [plain, gzipped] = received;
    expect(gzipped.points).toEqual(plain.points);
    expect(gzipped.points.length).toBeGreaterThan(4_000);
    expect(gzipped.bytes).toBeLessThan(plain.bytes / 3);
  });
});
