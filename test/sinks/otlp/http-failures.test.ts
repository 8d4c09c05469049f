import { describe, expect, it, onTestFinished } from 'vitest';
import { httpAnswer, parseRetryAfter } from '../../../src/sinks/otlp/transport/http-answer.js';
import {
  type HttpReceiverOptions,
  type HttpReply,
  ok,
  startHttpReceiver,
  status,
} from '../../receiver/receiver.js';
import { samples, samplesOf, tickOf } from '../../support/delivered-samples.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { rpcStatus } from '../../support/rpc-status.js';

async function receiverThat(reply?: HttpReceiverOptions['reply'], port = 0) {
  const receiver = await startHttpReceiver({ port, ...(reply === undefined ? {} : { reply }) });
  onTestFinished(() => receiver.close());
  return receiver;
}

const sinkTo = (url: string, options = {}): DrivenSink =>
  new DrivenSink({ endpoint: url, protocol: 'http', ...options });

/** First the reply in question, then OK. */
const first =
  (reply: HttpReply): HttpReceiverOptions['reply'] =>
  (_, index) =>
    index === 0 ? reply : ok();

/**
 * "OTLP/HTTP Response / Failures" of the OpenTelemetry Protocol Specification 1.7: 400 says that the data is bad; 429,
 * 502, 503 and 504 are retryable; others are not, but a sidecar keeps what was refused for another reason than the
 * data itself, for that is mended by an operator. 422 is 400 by another name; 413 is about the size alone.
 */
const ours = (code: number): 'given up' | 'split' | 'sent again' =>
  code === 400 || code === 422 ? 'given up' : code === 413 ? 'split' : 'sent again';

describe('HTTP 300 to 599', () => {
  it.each(Array.from({ length: 300 }, (_, index) => 300 + index))('%i means what it should', (code) => {
    const answer = httpAnswer(
      { status: code, headers: { 'retry-after': '7' }, body: Buffer.from('words') },
      0,
    );
    const kinds = { 'given up': 'bad-data', split: 'too-large', 'sent again': 'failed' } as const;
    expect(answer.kind).toBe(kinds[ours(code)]);
    expect(answer).toMatchObject({
      error: { message: expect.stringMatching(new RegExp(`^HTTP ${code}.*: words$`, 'u')) },
    });
    if (answer.kind === 'failed') {
      expect(answer.retryAfterMillis).toBe(7_000);
    }
  });
});

describe('an HTTP response', () => {
  const answerTo = (status: number, headers = {}, body = '') =>
    httpAnswer({ status, headers, body: Buffer.from(body) }, 0);

  it.each([200, 204, 299])('of %i is a success', (code) => {
    expect(answerTo(code)).toStrictEqual({ kind: 'accepted' });
  });

  it.each([101, 199, 300])('of %i is none', (code) => {
    expect(answerTo(code).kind).toBe('failed');
  });

  it('is told by its status and reason, if it has one', () => {
    expect(answerTo(503)).toStrictEqual({ kind: 'failed', error: new Error('HTTP 503 Service Unavailable') });
    expect(answerTo(599)).toStrictEqual({ kind: 'failed', error: new Error('HTTP 599') });
  });

  it.each([300, 308, 399])('of %i redirects', (code) => {
    const { message } = (answerTo(code, { location: '/there' }) as { error: Error }).error;
    expect(message).toMatch(/: the endpoint redirects to \/there; redirects are not followed$/u);
  });

  it.each([400, 503])('of %i does not redirect, whatever it says', (code) => {
    const { message } = (answerTo(code, { location: '/there' }) as { error: Error }).error;
    expect(message).toMatch(/^HTTP \d+ [A-Z][A-Za-z ]+$/u);
  });

  it('may repeat a header, of which the first counts', () => {
    expect(answerTo(503, { 'retry-after': ['7', '9'] })).toMatchObject({ retryAfterMillis: 7_000 });
  });

  it('is read as JSON only if it says so', () => {
    const body = '{"message":"x"}';
    expect(answerTo(500, { 'content-type': 'application/json' }, body)).toMatchObject({
      error: new Error('HTTP 500 Internal Server Error: x'),
    });
    expect(answerTo(500, { 'content-type': 'text/plain' }, body)).toMatchObject({
      error: new Error(`HTTP 500 Internal Server Error: ${body}`),
    });
    expect(answerTo(500, {}, body)).toMatchObject({
      error: new Error(`HTTP 500 Internal Server Error: ${body}`),
    });
  });
});

describe.each([
  301, 307, 400, 401, 403, 404, 408, 413, 422, 429, 499, 500, 502, 503, 504, 599,
])('HTTP %i', (code) => {
  it(`is ${ours(code)}, with one attempt, and told in the backend's words`, async () => {
    const receiver = await receiverThat(first(status(code, 'the words of the backend\n')));
    const sink = sinkTo(receiver.url);
    sink.collect(tickOf());
    const end = await sink.flush();
    const words = {
      message: expect.stringMatching(new RegExp(`^HTTP ${code}[ A-Za-z-]*: the words of the backend$`, 'u')),
    };
    if (ours(code) === 'sent again') {
      expect(receiver.requests).toHaveLength(1);
      expect(end).toMatchObject({ type: 'failed', error: words, retryInMillis: 60_000, held: 1 });
      expect(await sink.flush()).toEqual({ type: 'flushed' });
    } else {
      expect(end).toEqual({ type: 'flushed' });
      expect(sink.of('split')).toMatchObject([{ error: words }]);
    }
    expect(samples(receiver)).toEqual(samplesOf(0));
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 4, 30, 2, 44, 31);

  it.each([
    ['120', 120_000],
    [' 5 ', 5_000],
    ['0', 0],
    ['86400', 86_400_000],
    ['Sat, 30 May 2026 02:45:31 GMT', 60_000],
    ['Saturday, 30-May-26 02:45:31 GMT', 60_000],
    ['Sat, 30 May 2026 02:40:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['5 minutes', undefined],
    ['2026-05-30', undefined],
    ['Someday', undefined],
    ['on Sat, 30 May 2026 02:45:31 GMT', undefined],
    ['30 May 2026 02:45:31 GMT, a Saturday', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j asks for %j ms', (value, millis) => {
    expect(parseRetryAfter(value, now)).toBe(millis);
  });

  it.each([
    ['90', 90_000],
    ['1', 60_000],
    ['garbage', 60_000],
    ['86400', 1_920_000],
    [new Date(Date.now() - 5_000).toUTCString(), 60_000],
  ])('of %j is heeded up to 32 flush intervals', async (value, retryInMillis) => {
    for (const code of [429, 503]) {
      const receiver = await receiverThat(() => status(code, '', { 'retry-after': value }));
      const sink = sinkTo(receiver.url);
      sink.collect(tickOf());
      expect(await sink.flush()).toMatchObject({ type: 'failed', retryInMillis });
    }
  });

  it('with a date counts from now', async () => {
    const receiver = await receiverThat(() =>
      status(503, '', { 'retry-after': new Date(Date.now() + 300_000).toUTCString() }),
    );
    const sink = sinkTo(receiver.url);
    sink.collect(tickOf());
    const end = await sink.flush();
    const wait = end.type === 'failed' ? (end.retryInMillis ?? 0) : 0;
    expect(wait).toBeGreaterThan(200_000);
    expect(wait).toBeLessThanOrEqual(300_000);
  });
});

describe("the backend's words", () => {
  it.each([
    [
      'a google.rpc.Status',
      rpcStatus('out of order sample'),
      'application/x-protobuf',
      'out of order sample',
    ],
    ['JSON', '{"code":3,"message":"from JSON"}', 'application/json', 'from JSON'],
    ['JSON of another kind', '{"error":"x"}', 'application/json', '{"error":"x"}'],
    ['JSON that is none', '{"mess', 'application/json', '{"mess'],
    ['text of several lines', 'first\n\n  second\r\n', 'text/plain', 'first second'],
    ['a long page', 'x'.repeat(1_000), 'text/html', `${'x'.repeat(281)}...`],
    ['protobuf that is none', Buffer.from([0xff, 0xff]), 'application/x-protobuf', undefined],
    ['nothing', '', 'text/plain', undefined],
  ])('are taken from %s', async (_, body, type, words) => {
    const receiver = await receiverThat(() => status(401, body, { 'content-type': type }));
    const sink = sinkTo(receiver.url);
    sink.collect(tickOf());
    const message = words === undefined ? 'HTTP 401 Unauthorized' : `HTTP 401 Unauthorized: ${words}`;
    expect(await sink.flush()).toMatchObject({
      error: {
        message: words?.endsWith('...')
          ? expect.stringMatching(/^HTTP 401 Unauthorized: x{250,300}\.\.\.$/u)
          : message,
      },
    });
  });

  it('do not repeat secrets', async () => {
    const token = 'abc.def'.repeat(90);
    const receiver = await receiverThat(({ headers }) =>
      status(403, `no: ${headers.authorization}, ${headers['api-key']}`),
    );
    const sink = sinkTo(receiver.url, {
      headers: { authorization: `Bearer ${token}`, 'api-key': 'two  words' },
    });
    sink.collect(tickOf());
    expect(await sink.flush()).toMatchObject({ error: { message: 'HTTP 403 Forbidden: no: ***, ***' } });
  });

  it('name where a redirect leads, which is not followed', async () => {
    const receiver = await receiverThat(() =>
      status(308, '', { location: 'https://elsewhere.example/v1/metrics' }),
    );
    const sink = sinkTo(receiver.url);
    sink.collect(tickOf());
    expect(await sink.flush()).toMatchObject({
      error: {
        message:
          'HTTP 308 Permanent Redirect: the endpoint redirects to https://elsewhere.example/v1/metrics; redirects are not followed',
      },
    });
    expect(receiver.requests).toHaveLength(1);
  });
});

describe('a success', () => {
  it.each([200, 202, 204])('is HTTP %i', async (code) => {
    const receiver = await receiverThat(() => status(code));
    const sink = sinkTo(receiver.url);
    sink.collect(tickOf());
    expect(await sink.flush()).toEqual({ type: 'flushed' });
  });

  it.each<[string, HttpReply]>([
    ['garbage for a body', (response) => response.writeHead(200).end(Buffer.from([0xff, 0x00, 0xff]))],
    ['a body over 4 MiB', (response) => response.writeHead(200).end(Buffer.alloc(5 * 1024 * 1024))],
    [
      'a body that breaks off',
      (response, socket) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('x');
        setTimeout(() => socket.resetAndDestroy(), 20);
      },
    ],
    [
      'a body that never ends',
      (response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('x');
      },
    ],
  ])('with %s is one all the same: the head has said so', async (_, reply) => {
    const receiver = await receiverThat(first(reply));
    const sink = sinkTo(receiver.url);
    sink.collect(tickOf());
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(
      receiver.requests
        .flatMap(({ points }) => points)
        .filter(({ metric }) => metric === 'microsandbox.uptime'),
    ).toHaveLength(3);
  });
});

describe('a backend that keeps no connection', () => {
  it('is no trouble to the next flush', async () => {
    const connections = new Set<unknown>();
    const receiver = await receiverThat(() => (response, socket) => {
      connections.add(socket);
      response.writeHead(200, { connection: 'close' }).end();
    });
    const sink = sinkTo(receiver.url);
    for (const index of [0, 1, 2]) {
      sink.collect(tickOf(index));
      expect(await sink.flush()).toEqual({ type: 'flushed' });
    }
    expect(connections.size).toBe(3);
    expect(sink.of('failed')).toEqual([]);
    expect(samples(receiver)).toEqual(samplesOf(0, 1, 2));
  });
});

describe('a request over HTTP', () => {
  it('goes to the endpoint exactly as given, with the content type of OTLP and the headers asked for', async () => {
    const receiver = await receiverThat();
    const sink = sinkTo(receiver.url.replace('/v1/metrics', '/otlp/ingest?tenant=1'), {
      headers: { 'x-scope': 'a=b' },
    });
    sink.collect(tickOf());
    await sink.flush();
    expect(receiver.requests[0].headers).toMatchObject({
      ':path': '/otlp/ingest?tenant=1',
      'content-type': 'application/x-protobuf',
      'user-agent': expect.stringMatching(/^msb-metrics\/\d/u),
      'x-scope': 'a=b',
    });
  });
});
