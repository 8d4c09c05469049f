import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type GrpcReply,
  type HttpReply,
  type Receiver,
  startGrpcReceiver,
  startHttpReceiver,
  status,
} from '../receiver/receiver.js';
import { Cli, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';
import { PROXY_PASSWORD, startProxy } from '../support/http-proxy.js';
import { CA_FILE, CLIENT_CA_FILE, clientFiles, NAMED_CA_FILE, serverIdentity } from '../support/tls.js';

interface Checked {
  readonly code: number | null;
  /** Status and message with its remedy, by what was looked at; several of one are joined by a line end. */
  readonly found: Record<string, string>;
  readonly text: string;
}

async function check(flags: readonly string[], env: Record<string, string> = {}): Promise<Checked> {
  const { code, stdout, stderr } = await cli(['check', ...flags], env);
  expect(stderr).toBe('');
  const found: Record<string, string> = {};
  for (const line of stdout.trimEnd().split('\n')) {
    const [, state, name, rest] = /^(ok {2}|warn|FAIL) ([a-z-]+): (.*)$/u.exec(line) ?? [];
    expect(state, line).toBeDefined();
    const entry = `${state.trim()} ${rest}`;
    found[name] = found[name] === undefined ? entry : `${found[name]}\n${entry}`;
  }
  return { code, found, text: stdout };
}

/** A home with a sandbox that is sampled. */
function home(): string {
  const msbHome = testHome();
  const registry = testRegistry({ msbHome, capacity: 8 });
  registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
  return msbHome;
}

const homeFlag = (): string => `--msb-home=${home()}`;

describe('msb-metrics check, of the registry', () => {
  it('tells what it is and what is in it', async () => {
    const msbHome = home();
    const { code, found } = await check([`--msb-home=${msbHome}`]);
    expect(code).toBe(0);
    expect(found).toMatchObject({
      versions: expect.stringMatching(/^ok msb-metrics \d+\.\d+\.\d+, Node\.js \d+/u),
      'msb-home': expect.stringMatching(new RegExp(`^ok ${msbHome}, owned by `, 'u')),
      registry: expect.stringMatching(
        /^ok \/msb-met-[0-9a-f]{16}-v3: ABI 3, 1 slots used, 7 free of 8, owned by .*, mode 600$/u,
      ),
      sandboxes: 'ok 1 runs',
      samples: expect.stringMatching(/^ok the newest is \d\.\d s old$/u),
      endpoint: 'ok none is given, so no backend is looked at',
    });
  });

  it('tells that there is none, with what was looked for and what is there instead', async () => {
    const other = home();
    const { code, found } = await check(['--msb-home=/no/such/home']);
    expect(code).toBe(1);
    expect(found['msb-home']).toMatch(/^warn \/no\/such\/home is not to be seen here \(ENOENT\): /u);
    expect(found.registry).toMatch(/^FAIL none for this MSB_HOME: looked for \/msb-met-\S+-v1, /u);
    expect(found['other-homes']).toMatch(
      /^warn registries of another MSB_HOME on this host: \/msb-met-.*Give its MSB_HOME$/u,
    );
    expect(other).not.toBe('');
  });

  it.each([
    ['~/.microsandbox', 'the ~ was not expanded'],
    ['/no/such/home/', 'the / at its end makes it another home'],
  ])('of %s explains what is wrong with the text', async (msbHome, hint) => {
    expect((await check([`--msb-home=${msbHome}`])).found.registry).toContain(hint);
  });

  it('tells that nothing runs, and that none is reported, and why', async () => {
    const empty = testHome();
    testRegistry({ msbHome: empty, capacity: 1 });
    const idle = await check([`--msb-home=${empty}`]);
    expect([idle.code, idle.found.sandboxes]).toEqual([
      0,
      'warn none runs: start one with msb run to see its metrics',
    ]);

    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 3 });
    registry.sample(registry.start(tenant({ name: 'old' })), { sampledAtMillis: Date.now() - 3_600_000 });
    const old = await check([`--msb-home=${msbHome}`]);
    expect(old.code).toBe(1);
    expect(old.found.sandboxes).toMatch(/^warn 1 is left out of \/msb-met-\S+: their samples are older/u);
    expect(old.found.sandboxes).toContain('FAIL none is reported');
  });

  it('tells an old sample, and a full registry', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 1 });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() - 10_000 });
    const { code, found } = await check([`--msb-home=${msbHome}`]);
    expect(code).toBe(0);
    expect(found.samples).toMatch(/^warn the newest is 1\d\.\d s old: the runtimes hang/u);
    expect(found.registry).toMatch(/^warn .*1 slots used, 0 free of 1.*no free slot/u);
  });

  it('tells a registry that others may write to', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 1 });
    chmodSync(`/dev/shm${registry.name}`, 0o666);
    const { code, found } = await check([`--msb-home=${msbHome}`]);
    expect(code).toBe(1);
    expect(found.registry).toMatch(/^FAIL .*others than its owner .* may write to it \(mode 666\)/u);
  });

  it('prints one JSON document with --format=json', async () => {
    const { code, stdout } = await cli(['check', homeFlag(), '--format=json']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      checks: expect.arrayContaining([
        { check: 'sandboxes', status: 'ok', message: '1 runs', remedy: null },
        expect.objectContaining({ check: 'registry', status: 'ok' }),
      ]),
      registries: [
        {
          abi: 3,
          state: 'attached',
          mode: '600',
          slots: 8,
          slots_used: 1,
          slots_free: 7,
          sandboxes: 1,
          skipped: { processGone: 0 },
        },
      ],
    });
  });

  it.each<[string, string[], Record<string, string>, string]>([
    [
      'a file that is not there',
      ['--endpoint=https://localhost:1', '--ca-cert=/nope'],
      {},
      '--ca-cert: cannot read "/nope" (ENOENT)',
    ],
    [
      'an endpoint without a scheme',
      ['--endpoint=localhost:4317'],
      {},
      '--endpoint: localhost:4317 has no scheme',
    ],
    [
      'a proxy that is none',
      ['--endpoint=https://foo.example'],
      { HTTPS_PROXY: 'socks5://x' },
      'HTTPS_PROXY: got a proxy of the scheme socks5',
    ],
    ['a user that is none', ['--registry-owner=nobodyx'], {}, '--registry-owner: got "nobodyx"'],
  ])('finds %s, and looks at the rest all the same', async (_, flags, env, problem) => {
    const { code, stdout } = await cli(['check', homeFlag(), '--format=json', ...flags], env);
    const { ok: isWell, checks } = JSON.parse(stdout) as { ok: boolean; checks: Record<string, string>[] };
    expect([code, isWell]).toEqual([1, false]);
    const settings = checks.find(({ check: what }) => what === 'settings');
    expect(settings).toMatchObject({ status: 'fail', message: expect.stringContaining(problem) });
    expect(checks.length).toBeGreaterThan(1);
  });

  it('ends at a signal', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 1 });
    // A process that cannot be seen: one reading does not tell whether its sandbox lives.
    registry.sample(registry.start(tenant({ pid: 2 ** 22 + 1 })), { sampledAtMillis: Date.now() });
    const run = new Cli(['check', `--msb-home=${msbHome}`]);
    await eventually(() => run.child.pid !== undefined);
    run.child.kill('SIGINT');
    await run.exit;
    expect(run.stderr).toBe('');
  });
});

const open = async <T extends Receiver>(receiver: Promise<T>): Promise<T> => {
  const opened = await receiver;
  onTestFinished(() => opened.close());
  return opened;
};

/** A server that does with a connection what it is told to. */
async function server(onConnection: (socket: Socket) => void): Promise<number> {
  const listening: Server = createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void listening.close());
  return (listening.address() as { port: number }).port;
}

describe('msb-metrics check, of the backend', () => {
  it('over gRPC and HTTP makes one request without data, with the headers of the user', async () => {
    const grpc = await open(startGrpcReceiver());
    const http = await open(startHttpReceiver());
    for (const [receiver, flags] of [
      [grpc, [`--endpoint=http://localhost:${grpc.port}`]],
      [http, [`--endpoint=${http.url}`, '--protocol=http/protobuf']],
    ] as const) {
      const { code, found } = await check([...flags, homeFlag(), '--header=api-key=s3cret']);
      expect(found).toMatchObject({
        name: expect.stringMatching(/^ok (localhost is .*127\.0\.0\.1|127\.0\.0\.1 is an address)/u),
        connection: expect.stringMatching(/^ok .* port \d+ answers \(\d+ ms\)$/u),
        export: 'ok the backend accepts a request',
      });
      expect(code).toBe(0);
      expect(receiver.requests.map(({ points, headers }) => [points, headers['api-key']])).toEqual([
        [[], 's3cret'],
      ]);
    }
  });

  it('takes the flags and the variables of otel', async () => {
    const { port, requests } = await open(startGrpcReceiver());
    const { code, found } = await check(
      [homeFlag(), '--emit-pid', '--flush-interval=5s', '--max-buffered=10'],
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: `127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_INSECURE: 'true',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_SDK_DISABLED: 'true',
      },
    );
    expect(code).toBe(0);
    expect(requests).toHaveLength(1);
    expect(found.settings).toMatch(/have no effect here.*variables=OTEL_METRICS_EXPORTER/u);
    expect(found.settings).toContain('OTEL_SDK_DISABLED=true: otel would end at once');
  });

  it('tells a name that does not resolve, and a port at which nobody listens', async () => {
    const name = await check([homeFlag(), '--endpoint=http://no-such-host.invalid:4317']);
    expect(name.code).toBe(1);
    expect(name.found.name).toMatch(
      /^FAIL no-such-host\.invalid cannot be resolved \(E.*\): look at the host name/u,
    );
    expect(name.found).not.toHaveProperty('connection');
    const port = await check([homeFlag(), '--endpoint=http://127.0.0.1:1']);
    expect(port.code).toBe(1);
    expect(port.found.connection).toMatch(/^FAIL .*ECONNREFUSED.*: nothing listens there/u);
    expect(port.found).not.toHaveProperty('export');
  });

  it.each<[string, GrpcReply, string]>([
    [
      'UNAUTHENTICATED',
      { kind: 'status', code: 16, details: 'no' },
      'FAIL gRPC UNAUTHENTICATED: no: the backend does not know you',
    ],
    [
      'PERMISSION_DENIED',
      { kind: 'status', code: 7, details: 'no' },
      'FAIL gRPC PERMISSION_DENIED: no: the backend knows you and refuses',
    ],
    [
      'UNIMPLEMENTED',
      { kind: 'status', code: 12, details: 'no' },
      'FAIL gRPC UNIMPLEMENTED: no: no OTLP metrics service',
    ],
    [
      'INVALID_ARGUMENT',
      { kind: 'status', code: 3, details: 'empty' },
      'warn gRPC INVALID_ARGUMENT: empty: the backend may refuse only requests without data',
    ],
    [
      'a remark',
      { kind: 'ok', errorMessage: 'deprecated' },
      'warn the backend accepts a request, and remarks: deprecated',
    ],
    ['nothing', { kind: 'hang' }, 'FAIL no answer within 0.5 s: is the backend overloaded?'],
  ])('tells what the answer of gRPC means: %s', async (_, reply, expected) => {
    const { port } = await open(startGrpcReceiver({ reply: () => reply }));
    const { code, found } = await check([
      homeFlag(),
      `--endpoint=http://127.0.0.1:${port}`,
      '--export-timeout=500ms',
    ]);
    expect(found.export.slice(0, expected.length)).toBe(expected);
    expect(code).toBe(expected.startsWith('FAIL') ? 1 : 0);
  });

  it.each<[string, HttpReply, string]>([
    ['401', status(401, 'who?'), 'FAIL HTTP 401 Unauthorized: who?: the backend does not know you'],
    ['404', status(404), 'FAIL HTTP 404 Not Found: there is no such path'],
    ['400', status(400, 'empty'), 'warn HTTP 400 Bad Request: empty'],
    ['503', status(503), 'FAIL HTTP 503 Service Unavailable'],
  ])('tells what the answer of HTTP means: %s', async (_, reply, expected) => {
    const { url } = await open(startHttpReceiver({ reply: () => reply }));
    const { found } = await check([homeFlag(), `--endpoint=${url}`, '--protocol=http']);
    expect(found.export.slice(0, expected.length)).toBe(expected);
  });

  it('tells whose certificate it is and until when, and that of the client', async () => {
    const { port } = await open(
      startGrpcReceiver({
        tls: { ...serverIdentity('server'), clientCa: readFileSync(CLIENT_CA_FILE, 'utf8') },
      }),
    );
    const { certificate, key } = clientFiles('client');
    const { code, found } = await check([
      homeFlag(),
      `--endpoint=https://127.0.0.1:${port}`,
      `--ca-cert=${CA_FILE}`,
      `--client-cert=${certificate}`,
      `--client-key=${key}`,
    ]);
    expect(found.tls).toMatch(/^ok .+, by .+, until 21\d\d-\d\d-\d\d$/u);
    expect(found['client-certificate']).toMatch(/^ok CN=client, until 21/u);
    expect(found.export).toBe('ok the backend accepts a request');
    expect(code).toBe(0);
  });

  it.each([
    [
      'an unknown authority',
      'server',
      NAMED_CA_FILE,
      /^FAIL unable to (verify|get).*: .*until .*name its CA/u,
    ],
    ['a wrong name', 'wrong-name', CA_FILE, /^FAIL the host does not match the certificate's altnames: /u],
    [
      'an expired certificate',
      'expired',
      CA_FILE,
      /^FAIL certificate has expired: .*until 20\d\d-.*renew it/u,
    ],
  ] as const)('tells %s', async (_, identity, ca, expected) => {
    for (const receiver of [
      await open(startGrpcReceiver({ tls: serverIdentity(identity) })),
      await open(startHttpReceiver({ tls: serverIdentity(identity) })),
    ]) {
      const flags =
        'url' in receiver
          ? [`--endpoint=https://127.0.0.1:${receiver.port}/v1/metrics`, '--protocol=http']
          : [`--endpoint=https://127.0.0.1:${receiver.port}`];
      const { code, found } = await check([homeFlag(), ...flags], { OTEL_EXPORTER_OTLP_CERTIFICATE: ca });
      expect(found.tls).toMatch(expected);
      expect(found).not.toHaveProperty('export');
      expect(code).toBe(1);
      expect(receiver.requests).toEqual([]);
    }
  });

  it('tells that the server wants a certificate of the client', async () => {
    const { port } = await open(
      startGrpcReceiver({
        tls: { ...serverIdentity('server'), clientCa: readFileSync(CLIENT_CA_FILE, 'utf8') },
      }),
    );
    const { code, text } = await check([
      homeFlag(),
      `--endpoint=https://127.0.0.1:${port}`,
      `--ca-cert=${CA_FILE}`,
    ]);
    expect(code).toBe(1);
    expect(text).toMatch(/^FAIL .*the backend wants a client certificate/mu);
  });

  it('tells TLS spoken to a port without it, and a port that says nothing', async () => {
    const { port } = await open(startGrpcReceiver());
    const plain = await check([homeFlag(), `--endpoint=https://127.0.0.1:${port}`]);
    expect(plain.code).toBe(1);
    expect(plain.found.tls).toMatch(/^FAIL /u);
    const silent = await server(() => {});
    const startedAt = Date.now();
    const mute = await check([homeFlag(), `--endpoint=https://127.0.0.1:${silent}`]);
    expect(mute.found.tls).toMatch(/^FAIL no answer to the handshake within 1\.5 s/u);
    const unanswered = await check([
      homeFlag(),
      `--endpoint=http://127.0.0.1:${silent}/m`,
      '--protocol=http',
      '--export-timeout=500ms',
    ]);
    expect(unanswered.found.export).toMatch(/^FAIL no answer within \d\.\d s/u);
    expect(Date.now() - startedAt).toBeGreaterThan(1_500);
  });

  it('goes the way of the proxy, and tells its refusal', async () => {
    const proxy = await startProxy();
    const { port, requests } = await open(startGrpcReceiver({ tls: serverIdentity('named') }));
    const flags = [homeFlag(), `--endpoint=https://collector.example:${port}`, `--ca-cert=${NAMED_CA_FILE}`];
    const through = await check(flags, { HTTPS_PROXY: proxy.url });
    expect(through.found.proxy).toMatch(
      /^ok requests go through 127\.0\.0\.1:\d+\nok .* opens a tunnel to collector\.example:/u,
    );
    expect(through.found.tls).toMatch(/^ok collector\.example, by collector\.example, until/u);
    expect(through.found.export).toBe('ok the backend accepts a request');
    expect(through.code).toBe(0);
    expect(requests).toHaveLength(1);
    proxy.mode = 'refuse';
    const refused = await check(flags, { HTTPS_PROXY: proxy.url });
    expect(refused.found.proxy).toMatch(
      /FAIL the proxy refuses the tunnel with HTTP 502: look at HTTPS_PROXY/u,
    );
    expect(refused.code).toBe(1);
    expect(`${through.text}${refused.text}`).not.toContain(PROXY_PASSWORD);
  });

  it('says of a proxy that is not there, or says nothing, that it is the proxy', async () => {
    const flags = [homeFlag(), '--endpoint=https://collector.example:4317'];
    const away = await check(flags, { HTTPS_PROXY: 'http://127.0.0.1:1' });
    expect(away.found.connection).toMatch(/^FAIL .*ECONNREFUSED.*: look at HTTPS_PROXY/u);
    const port = await server(() => {});
    const silent = await check(flags, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(silent.found.proxy).toMatch(
      /FAIL no answer from 127\.0\.0\.1:\d+ within 1\.5 s: look at HTTPS_PROXY/u,
    );
  });

  it('goes through the proxy of HTTP without TLS, too', async () => {
    const proxy = await startProxy();
    const { port, requests } = await open(startHttpReceiver());
    const { code } = await check(
      [homeFlag(), `--endpoint=http://collector.example:${port}/v1/metrics`, '--protocol=http'],
      { HTTP_PROXY: proxy.url },
    );
    expect([code, requests.length, proxy.forwarded.length]).toEqual([0, 1, 1]);
  });

  it('warns of a header file that everybody may read, and never tells what is in it', async () => {
    const msbHome = home();
    const { port } = await open(
      startGrpcReceiver({
        reply: ({ headers }) => ({ kind: 'status', code: 16, details: `bad key ${headers['api-key']}` }),
      }),
    );
    const file = join(msbHome, 'headers');
    writeFileSync(file, 'api-key: s3cret-of-mine\n');
    chmodSync(file, 0o644);
    const { found, text } = await check([
      `--msb-home=${msbHome}`,
      `--endpoint=http://127.0.0.1:${port}`,
      `--header-file=${file}`,
    ]);
    expect(found.settings).toContain('every user of this host may read the file');
    expect(found.export).toContain('UNAUTHENTICATED: bad key ***');
    expect(text).not.toContain('s3cret');
  });
});
