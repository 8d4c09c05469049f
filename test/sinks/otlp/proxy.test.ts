import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { OtlpSinkOptions } from '../../../src/index.js';
import { ok, type Receiver, startGrpcReceiver, startHttpReceiver } from '../../receiver/receiver.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { startProxy } from '../../support/http-proxy.js';
import { ADDRESS_CA_FILE, CA_FILE, serverIdentity } from '../../support/tls.js';

const open = async <T extends Receiver>(receiver: Promise<T>): Promise<T> => {
  const opened = await receiver;
  onTestFinished(() => opened.close());
  return opened;
};

const exported = async (options: OtlpSinkOptions) => {
  const sink = new DrivenSink(options);
  sink.collect(collectionOf(sandboxRuns(1)));
  return sink.flush();
};

const pem = (file: string): string => readFileSync(file, 'utf8');

describe.each(['grpc', 'http'] as const)('TLS through a proxy to an address, over %s', (protocol) => {
  const start = (identity: 'server' | 'address'): Promise<Receiver> =>
    open<Receiver>(
      protocol === 'grpc'
        ? startGrpcReceiver({ tls: serverIdentity(identity) })
        : startHttpReceiver({ tls: serverIdentity(identity) }),
    );
  const optionsOf = (host: string, port: number, proxy: string, ca: string): OtlpSinkOptions => ({
    endpoint: `https://${host}:${port}${protocol === 'grpc' ? '' : '/v1/metrics'}`,
    protocol,
    proxy,
    caCertificate: pem(ca),
  });

  it.each(['192.0.2.7', '[2001:db8::1]'])('takes a certificate for %s', async (host) => {
    const { url } = await startProxy();
    const { port, accepted } = await start('address');
    expect(await exported(optionsOf(host, port, url, ADDRESS_CA_FILE))).toEqual({ type: 'flushed' });
    expect(accepted).toHaveLength(1);
  });

  it('does not take a certificate for localhost', async () => {
    const { url } = await startProxy();
    const { port, requests } = await start('server');
    expect(await exported(optionsOf('192.0.2.7', port, url, CA_FILE))).toMatchObject({
      type: 'failed',
      error: { message: expect.stringMatching(/altnames|not in the cert|does not match/u) },
    });
    expect(requests).toEqual([]);
  });
});

describe('a backend behind a proxy that closes every connection', () => {
  it.each([
    ['http', undefined],
    ['https', serverIdentity('named')],
  ] as const)('costs nothing that stays, over %s', async (scheme, tls) => {
    const warnings: string[] = [];
    const listen = ({ message }: Error) => warnings.push(message);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const proxy = await startProxy();
    const receiver = await open(
      startHttpReceiver({
        ...(tls === undefined ? {} : { tls }),
        reply: () => (response, socket) => {
          response.setHeader('connection', 'close');
          ok()(response, socket);
        },
      }),
    );
    const sink = new DrivenSink({
      endpoint: `${scheme}://collector.example:${receiver.port}/v1/metrics`,
      protocol: 'http',
      proxy: proxy.url,
      ...(tls === undefined ? {} : { caCertificate: tls.certificate }),
    });
    for (let round = 0; round < 15; round++) {
      expect(await sink.flush()).toEqual({ type: 'flushed' });
    }
    expect(receiver.accepted).toHaveLength(15);
    // Node warns of the eleventh listener that stays.
    expect(warnings).toEqual([]);
  });
});
