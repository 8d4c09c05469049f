import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Receiver, startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';
import { ledgerOf, sampleSandboxes } from '../support/sampling.js';
import { CA_FILE, CLIENT_CA_FILE, clientFiles, serverIdentity } from '../support/tls.js';
import { untilRead } from '../support/until-read.js';

const mutual = { ...serverIdentity('server'), clientCa: readFileSync(CLIENT_CA_FILE, 'utf8') };

/** Like a volume of Kubernetes: files are links into a folder, which is a link that is swapped. */
function volume(folder: string): { put(files: Record<string, string>): void; path(name: string): string } {
  let version = 0;
  return {
    put: (files) => {
      const content = join(folder, `..${++version}`);
      mkdirSync(content);
      for (const [name, from] of Object.entries(files)) {
        copyFileSync(from, join(content, name));
        chmodSync(join(content, name), 0o600);
      }
      symlinkSync(content, join(folder, '..new'));
      renameSync(join(folder, '..new'), join(folder, '..data'));
      for (const name of Object.keys(files)) {
        rmSync(join(folder, name), { force: true });
        symlinkSync(join('..data', name), join(folder, name));
      }
    },
    path: (name) => join(folder, name),
  };
}

const pair = (name: 'client' | 'client-renewed'): Record<string, string> => {
  const { certificate, key } = clientFiles(name);
  return { 'tls.crt': certificate, 'tls.key': key };
};

describe.each(['grpc', 'http'] as const)('credentials from files, over %s', (protocol) => {
  const receive = async (): Promise<{ receiver: Receiver; flags: string[]; env: Record<string, string> }> => {
    const receiver = await (protocol === 'grpc'
      ? startGrpcReceiver({ tls: mutual })
      : startHttpReceiver({ tls: mutual }));
    onTestFinished(() => receiver.close());
    const origin = `https://127.0.0.1:${receiver.port}`;
    return {
      receiver,
      flags:
        protocol === 'grpc'
          ? [`--endpoint=${origin}`, `--ca-cert=${CA_FILE}`]
          : [`--endpoint=${origin}/v1/metrics`, '--protocol=http'],
      env: protocol === 'grpc' ? {} : { OTEL_EXPORTER_OTLP_CERTIFICATE: CA_FILE },
    };
  };

  it('a renewed client certificate is shown without a restart, and no sample is lost or sent twice', async () => {
    const { receiver, flags, env } = await receive();
    const msbHome = testHome();
    const files = volume(msbHome);
    files.put(pair('client'));
    const { written, tick } = sampleSandboxes({
      msbHome,
      count: 2,
      intervalMillis: Number.POSITIVE_INFINITY,
    });
    const run = new Cli(
      [
        'otel',
        ...flags,
        `--client-cert=${files.path('tls.crt')}`,
        `--client-key=${files.path('tls.key')}`,
        `--msb-home=${msbHome}`,
        '--collect-interval=30ms',
        '--flush-interval=60ms',
        '--max-sample-age=0s',
        '--log-level=debug',
      ],
      { env },
    );
    /** Samples go on until something has come about. */
    const sampledUntil = async (check: () => boolean): Promise<void> => {
      for (let more = 2; more > 0; more -= check() ? 1 : 0) {
        await untilRead(() => run.stderr);
        tick();
      }
    };
    const isShown = (name: string) => receiver.accepted.at(-1)?.headers[':client'] === name;
    await sampledUntil(() => isShown('client'));
    files.put(pair('client-renewed'));
    await sampledUntil(() => isShown('client-renewed'));
    // A pair that does not go together, as it is for a moment where files are renewed one by one.
    files.put({ ...pair('client-renewed'), 'tls.key': pair('client')['tls.key'] });
    await sampledUntil(() => run.stderr.includes('cannot be used, the old ones stay in use'));
    const before = receiver.accepted.length;
    await sampledUntil(() => receiver.accepted.length > before + 2);
    files.put(pair('client'));
    await sampledUntil(() => isShown('client'));
    await untilRead(() => run.stderr);
    expect(await run.stop()).toBe(0);

    const ledger = ledgerOf(written, receiver);
    expect([ledger.missingPoints(), ledger.duplicated, ledger.wrong]).toEqual([[], 0, 0]);
    expect(run.stderr.match(/new client certificate and key were read/gu)).toHaveLength(1);
    expect(run.stderr.match(/cannot be used, the old ones stay/gu)).toHaveLength(1);
    expect(run.stderr.match(/client certificate and key can be used again/gu)).toHaveLength(1);
    expect(run.stderr).not.toContain('metrics export failed');
    expect(run.stderr).not.toContain('PRIVATE KEY');
  });
});

describe('--header-file', () => {
  const start = async (text: string, mode = 0o600, ...flags: string[]) => {
    const receiver = await startGrpcReceiver();
    onTestFinished(() => receiver.close());
    const msbHome = testHome();
    const file = join(msbHome, 'headers');
    writeFileSync(file, text, { mode });
    chmodSync(file, mode);
    const run = new Cli(
      [
        'otel',
        `--endpoint=http://127.0.0.1:${receiver.port}`,
        `--header-file=${file}`,
        `--msb-home=${msbHome}`,
        '--collect-interval=30ms',
        '--flush-interval=50ms',
        ...flags,
      ],
      { env: { OTEL_EXPORTER_OTLP_HEADERS: 'a=variable,b=variable' } },
    );
    await eventually(() => receiver.requests.length > 0);
    return { run, receiver, file };
  };

  it('gives headers, over the variables and under the flags, in both ways to write them', async () => {
    const { run, receiver } = await start(
      '\uFEFF# of the gateway\r\nAuthorization: Basic dXNlcjpzM2NyZXQ=\r\n\r\n b = in file \nC=a:b=c\nd: a=b\n',
      0o600,
      '--header=c=flag',
    );
    expect(receiver.requests[0].headers).toMatchObject({
      authorization: 'Basic dXNlcjpzM2NyZXQ=',
      a: 'variable',
      b: 'in file',
      c: 'flag',
      d: 'a=b',
    });
    expect(await run.stop()).toBe(0);
    expect(run.stderr).not.toContain('WARN');
  });

  it('is read again when it changes; while it is broken the old headers stay, and that is told once', async () => {
    const { run, receiver, file } = await start('token: first-secret\n');
    const sent = (token: string) => eventually(() => receiver.requests.at(-1)?.headers.token === token);
    await sent('first-secret');
    writeFileSync(file, 'token: second-secret\n');
    await sent('second-secret');
    writeFileSync(file, 'no-header-but-a-secret\n');
    await eventually(() => run.stderr.includes('new headers cannot be used'));
    const before = receiver.requests.length;
    await eventually(() => receiver.requests.length > before + 3);
    await sent('second-secret');
    rmSync(file);
    await eventually(() => receiver.requests.length > before + 8);
    writeFileSync(file, 'token: third-secret\n');
    await sent('third-secret');
    expect(await run.stop()).toBe(0);
    expect(run.stderr.match(/new headers cannot be used/gu)).toHaveLength(1);
    expect(run.stderr.match(/the headers can be used again/gu)).toHaveLength(1);
    expect(run.stderr).not.toMatch(/secret/u);
  });

  it.each([
    [0o604, 1],
    [0o640, 0],
  ])('with the mode %o makes %i warnings', async (mode, warnings) => {
    const { run } = await start('token: s3cret\n', mode);
    expect(await run.stop()).toBe(0);
    expect(run.stderr.match(/WARN .*every user of this host may read the file/gu) ?? []).toHaveLength(
      warnings,
    );
  });

  it('that is empty for a moment, while it is written anew, changes nothing', async () => {
    const { run, receiver, file } = await start('token: first-secret\n');
    writeFileSync(file, '');
    await eventually(() => run.stderr.includes('new headers cannot be used'));
    const before = receiver.requests.length;
    await eventually(() => receiver.requests.length > before + 3);
    writeFileSync(file, 'token: second-secret\n');
    await eventually(() => receiver.requests.at(-1)?.headers.token === 'second-secret');
    expect(await run.stop()).toBe(0);
    expect(new Set(receiver.requests.map(({ headers }) => headers.token))).toEqual(
      new Set(['first-secret', 'second-secret']),
    );
  });

  it('that is touched is no news; one that becomes readable for all is warned of', async () => {
    const { run, receiver, file } = await start('token: s3cret\n');
    const changedBy = async (change: () => void): Promise<void> => {
      change();
      const before = receiver.requests.length;
      await eventually(() => receiver.requests.length > before + 2);
    };
    await changedBy(() => utimesSync(file, new Date(), new Date()));
    expect(run.stderr).not.toContain('new headers');
    await changedBy(() => chmodSync(file, 0o644));
    expect(await run.stop()).toBe(0);
    expect(run.stderr.match(/every user of this host may read the file/gu)).toHaveLength(1);
    expect(run.stderr).not.toContain('new headers');
  });
});
