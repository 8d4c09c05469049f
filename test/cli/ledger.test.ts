import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type GrpcReply,
  type HttpReply,
  ok,
  type Receiver,
  startGrpcReceiver,
  startHttpReceiver,
  status,
} from '../receiver/receiver.js';
import { testCatalog } from '../support/catalog.js';
import { Cli } from '../support/cli.js';
import { testHome } from '../support/home.js';
import { ledgerOf, sampleSandboxes } from '../support/sampling.js';
import { CA_FILE, serverIdentity } from '../support/tls.js';
import { untilRead } from '../support/until-read.js';

/** What a backend does with its requests, one after the other; after that it accepts them all. */
const TROUBLES = [
  'accept',
  'unavailable',
  'accept',
  'hang',
  'unavailable',
  'unavailable',
  'partial',
  'too-large',
  'accept',
] as const;

const grpcReplies: Record<(typeof TROUBLES)[number], GrpcReply> = {
  accept: { kind: 'ok' },
  unavailable: { kind: 'status', code: 14, details: 'restarting' },
  hang: { kind: 'hang' },
  partial: { kind: 'ok', errorMessage: 'a remark' },
  'too-large': {
    kind: 'status',
    code: 8,
    details: 'grpc: received message larger than max (9999999 vs. 9000)',
  },
};

const httpReplies: Record<(typeof TROUBLES)[number], HttpReply> = {
  accept: ok(),
  unavailable: status(503, 'restarting'),
  hang: () => {},
  partial: ok({ rejectedDataPoints: 0, errorMessage: 'a remark' }),
  'too-large': status(413),
};

interface Setup {
  readonly receiver: Receiver;
  readonly flags: readonly string[];
}

async function grpc(troubles: boolean): Promise<Setup> {
  const receiver = await startGrpcReceiver({
    reply: (_, index) => grpcReplies[(troubles ? TROUBLES[index] : undefined) ?? 'accept'],
  });
  return { receiver, flags: [`--endpoint=http://127.0.0.1:${receiver.port}`] };
}

async function http(troubles: boolean): Promise<Setup> {
  const receiver = await startHttpReceiver({
    reply: (_, index) => httpReplies[(troubles ? TROUBLES[index] : undefined) ?? 'accept'],
  });
  return { receiver, flags: [`--endpoint=${receiver.url}`, '--protocol=http'] };
}

async function tls(): Promise<Setup> {
  const receiver = await startGrpcReceiver({ tls: serverIdentity('server') });
  const flags = [
    `--endpoint=https://127.0.0.1:${receiver.port}`,
    `--ca-cert=${CA_FILE}`,
    '--compression=gzip',
  ];
  return { receiver, flags };
}

const sdk = async (setup: Promise<Setup>): Promise<Setup> => {
  const { receiver, flags } = await setup;
  return { receiver, flags: [...flags, '--exporter=sdk'] };
};

describe('what arrives is what was written: every field of every sample, once, at its own time, with its labels', () => {
  it.each<[string, number, () => Promise<Setup>, number]>([
    ['over gRPC, ABI 3', 3, () => grpc(false), 4],
    ['over gRPC, ABI 1', 1, () => grpc(false), 4],
    ['over HTTP, ABI 2', 2, () => http(false), 4],
    ['over gRPC with TLS, a private authority and gzip', 3, tls, 4],
    ['over gRPC, through failures', 3, () => grpc(true), TROUBLES.length + 3],
    ['over HTTP, through failures', 3, () => http(true), TROUBLES.length + 3],
    ['over gRPC, by the SDK', 3, () => sdk(grpc(true)), TROUBLES.length + 3],
    ['over HTTP, by the SDK', 3, () => sdk(http(true)), TROUBLES.length + 3],
    ['over gRPC with TLS, a private authority and gzip, by the SDK', 3, () => sdk(tls()), 4],
  ])('%s', async (_, abi, setup, requests) => {
    const { receiver, flags } = await setup();
    onTestFinished(() => receiver.close());
    const msbHome = testHome();
    const { written, tick } = sampleSandboxes({
      msbHome,
      count: 15,
      intervalMillis: Number.POSITIVE_INFINITY,
      abi,
    });
    const catalog = testCatalog(msbHome);
    for (const { name, sandboxId } of written) {
      catalog.put(sandboxId, name, { labels: { 'user.id': `user of ${name}` } });
    }
    const run = new Cli([
      'otel',
      ...flags,
      `--msb-home=${msbHome}`,
      '--collect-interval=40ms',
      '--flush-interval=100ms',
      '--max-buffered=10000',
      '--max-sample-age=0s',
      '--export-timeout=2s',
      '--log-level=debug',
    ]);
    await untilRead(() => run.stderr);
    while (receiver.requests.length < requests) {
      tick();
      await untilRead(() => run.stderr);
    }
    expect(await run.stop()).toBe(0);

    const ledger = ledgerOf(written, receiver, abi);
    for (const { points } of receiver.accepted) {
      for (const { attributes } of points.filter((point) => 'sandbox.name' in point.attributes)) {
        expect(attributes['user.id']).toBe(`user of ${attributes['sandbox.name']}`);
      }
    }
    expect([ledger.missingPoints(), ledger.duplicated, ledger.wrong, ledger.unknown]).toEqual([[], 0, 0, 0]);
    expect(ledger.arrived).toBeGreaterThanOrEqual(15 * 8 * 2);
  });
});
