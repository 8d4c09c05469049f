import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../../../src/sinks/otlp/transport/endpoint.js';

describe('an endpoint', () => {
  it.each([
    ['http://localhost:4317', 'grpc', 'http://localhost:4317/'],
    ['https://collector.example/', 'grpc', 'https://collector.example/'],
    ['HTTP://[::1]:4317', 'grpc', 'http://[::1]:4317/'],
    ['http://localhost:4318/v1/metrics', 'http', 'http://localhost:4318/v1/metrics'],
    ['https://a.example/otlp?tenant=1', 'http', 'https://a.example/otlp?tenant=1'],
    ['http://a.example/?next=https://b.example', 'http', 'http://a.example/?next=https://b.example'],
  ] as const)('%s is one for %s', (text, protocol, url) => {
    expect(parseEndpoint(text, protocol).href).toBe(url);
  });

  it.each([
    ['localhost:4317', 'grpc', 'localhost:4317 has no scheme: did you mean http://localhost:4317?'],
    [
      'collector/https://x',
      'http',
      'collector/https://x has no scheme: did you mean http://collector/https://x?',
    ],
    ['user:secret@host:4317', 'grpc', '***@host:4317 has no scheme: did you mean http://***@host:4317?'],
    [
      '',
      'grpc',
      'empty is not a URL: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
    ],
    [
      'http://',
      'http',
      'http:// is not a URL: expected the complete URL of the metrics signal, such as http://localhost:4318/v1/metrics',
    ],
    [
      'https://user:secret@@@:port',
      'grpc',
      'https://***@:port is not a URL: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
    ],
    [
      'ftp://host/v1/metrics',
      'http',
      'ftp://host/v1/metrics has the scheme ftp: expected the complete URL of the metrics signal, such as http://localhost:4318/v1/metrics',
    ],
    [
      'grpc+h2://user:p%40ss@host:4317',
      'grpc',
      'grpc+h2://***@host:4317 has the scheme grpc+h2: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
    ],
    [
      'http://user@host:4317',
      'grpc',
      'http://***@host:4317 holds credentials, which do not belong in a URL: send them as a header, such as Authorization',
    ],
    [
      'http://:secret@host/v1/metrics',
      'http',
      'http://***@host/v1/metrics holds credentials, which do not belong in a URL: send them as a header, such as Authorization',
    ],
    [
      ' Bearer s3cret ',
      'grpc',
      'Bear... is not a URL: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
    ],
    [
      'Authorization=Bearers3cret',
      'grpc',
      'Auth... is not a URL: expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317',
    ],
    ['host/m?key=s3cret', 'http', 'host/m?*** has no scheme: did you mean http://host/m?***?'],
    [
      'http://host:4317/v1/metrics',
      'grpc',
      'http://host:4317/v1/metrics has a path, which gRPC does not have: expected http://host:4317, or the protocol http',
    ],
    [
      'http://host:4317/?tenant=1',
      'grpc',
      'http://host:4317/?*** has a path, which gRPC does not have: expected http://host:4317, or the protocol http',
    ],
  ] as const)('%j is none for %s, and it is said why', (text, protocol, message) => {
    expect(() => parseEndpoint(text, protocol)).toThrowError(new RangeError(message));
  });
});
