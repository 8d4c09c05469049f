import { hostname } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { otlpSink } from '../../../src/index.js';
import { startGrpcReceiver } from '../../receiver/receiver.js';
import { DrivenSink } from '../../support/driven-sink.js';

const endpoint = 'http://localhost:4317';

describe('the options of the OTLP sink', () => {
  it.each<[Record<string, unknown>, string]>([
    [{}, 'endpoint: expected a text that is not empty, got undefined'],
    [{ endpoint: new URL(endpoint) }, 'endpoint: expected a text that is not empty, got URL {'],
    [
      { endpoint: 'localhost:4317' },
      'endpoint: localhost:4317 has no scheme: did you mean http://localhost:4317?',
    ],
    [{ endpoint, protocol: 'GRPC' }, "protocol: expected grpc or http, got 'GRPC'"],
    [{ endpoint, compression: 'zstd' }, "compression: expected none or gzip, got 'zstd'"],
    [{ endpoint, caCertificate: 5 }, 'caCertificate: expected a PEM as text, got a value of the type number'],
    [{ endpoint, caCertificate: '' }, 'caCertificate: expected a PEM as text, got an empty one'],
    [{ endpoint, clientCertificate: 'PEM' }, 'clientCertificate, clientKey: expected both or none'],
    [{ endpoint, clientKey: () => 'PEM' }, 'clientCertificate, clientKey: expected both or none'],
    [
      { endpoint, clientCertificate: 'PEM', clientKey: Buffer.from('PEM') },
      'clientKey: expected a PEM as text, got a value of the type object',
    ],
    [
      { endpoint, proxy: 'socks5://user:s3cret@proxy:1080' },
      'proxy: got a proxy of the scheme socks5: expected http://HOST:PORT',
    ],
    [{ endpoint, proxy: 3128 }, 'proxy: got what is no URL: expected http://HOST:PORT'],
    [{ endpoint, headers: 'a=b' }, "headers: expected an object with texts, got 'a=b'"],
    [{ endpoint, headers: { a: 5 } }, 'headers: expected a text for a, got a value of the type number'],
    [
      { endpoint, headers: { a: undefined } },
      'headers: expected a text for a, got a value of the type undefined',
    ],
    [{ endpoint, headers: { host: 'x' } }, 'headers: host is a header that the protocol itself sets'],
    [{ endpoint, resource: null }, 'resource: expected an object with texts, got null'],
    [{ endpoint, resource: { a: 5 } }, 'resource: expected a text for a, got a value of the type number'],
    [{ endpoint, maxBuffered: '60' }, "maxBuffered: expected an integer of 1 or more, got '60'"],
  ])('are refused when it is made: %o', (options, message) => {
    expect(() => otlpSink(options as never)).toThrowError(RangeError);
    expect(() => otlpSink(options as never)).toThrowError(message);
  });

  it.each([
    [undefined, { 'service.name': 'microsandbox', 'service.instance.id': hostname() }],
    [{}, { 'service.name': 'microsandbox', 'service.instance.id': hostname() }],
    [
      { 'service.name': 'mine', 'deployment.environment': 'test' },
      { 'service.name': 'mine', 'service.instance.id': hostname(), 'deployment.environment': 'test' },
    ],
  ])('with the resource attributes %o make the resource %o', async (resource, expected) => {
    const receiver = await startGrpcReceiver();
    onTestFinished(() => receiver.close());
    const sink = new DrivenSink({ endpoint: `http://127.0.0.1:${receiver.port}`, resource });
    await sink.flush();
    expect(receiver.requests[0].points[0].resource).toEqual(expected);
  });

  it('may be left undefined', () => {
    expect(() =>
      otlpSink({
        endpoint,
        protocol: undefined,
        compression: undefined,
        caCertificate: undefined,
        headers: undefined,
        resource: undefined,
        flushIntervalMillis: undefined,
        maxBuffered: undefined,
        exportTimeoutMillis: undefined,
        flush$: undefined,
        scheduler: undefined,
        emitPid: undefined,
        emitRunId: undefined,
      }),
    ).not.toThrow();
  });
});
