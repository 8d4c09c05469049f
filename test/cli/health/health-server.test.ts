import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startGrpcReceiver } from '../../receiver/receiver.js';
import { Cli, cli } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { tenant, testHome, testRegistry } from '../../support/home.js';

async function healthOf(flags: readonly string[], msbHome = testHome()) {
  const run = new Cli(['otel', '--health-listen=127.0.0.1:0', `--msb-home=${msbHome}`, ...flags]);
  const origin = await eventually(() => /msb_metrics::health: serving url=(\S+)/u.exec(run.stderr)?.[1]);
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(origin + path, init);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const status = async () => JSON.parse((await get('/status')).body);
  return { run, origin, get, status };
}

async function testReceiver() {
  const receiver = await startGrpcReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

const REFUSED = '--endpoint=http://127.0.0.1:9';

describe('--health-listen', () => {
  it('serves the state of a process that does its work', async () => {
    const receiver = await testReceiver();
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    registry.sample(registry.start(tenant({ name: 'old', sandboxId: 2 })), { sampledAtMillis: 1_000 });
    const { run, get, status } = await healthOf(
      [`--endpoint=http://127.0.0.1:${receiver.port}`, '--flush-interval=50ms', '--collect-interval=50ms'],
      msbHome,
    );
    await eventually(async () => (await status()).delivery.exports_succeeded > 1);
    for (const path of ['/healthz', '/readyz']) {
      const { status: code, body, headers } = await get(path);
      expect([code, body, headers.get('cache-control')]).toEqual([200, 'ok\n', 'no-store']);
    }
    expect(await status()).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/u),
      uptime_seconds: expect.any(Number),
      alive: true,
      ready: true,
      stopping: false,
      reading: { rows: 1, rows_skipped: { too_old: 1, process_gone: 0 } },
      registries: [
        { abi: 1, state: 'absent' },
        { abi: 2, state: 'absent' },
        { abi: 3, state: 'attached', rows: 1, used: 2, rows_skipped: { too_old: 1 } },
      ],
      catalog: { state: 'missing' },
      delivery: {
        backlog_collections: expect.any(Number),
        dropped_collections: 0,
        failures_in_a_row: 0,
        last_success_at: expect.stringMatching(/^20\d\d-.*Z$/u),
        last_error: null,
      },
    });
    const { body: page, headers } = await get('/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(page).toMatch(/^# TYPE microsandbox_collector_exports_success_total counter$/mu);
    expect(page).toMatch(/^microsandbox_collector_exports_success_total [1-9]\d*$/mu);
    expect(page).toMatch(/^microsandbox_collector_exports_failure_total 0$/mu);
    expect(page).toMatch(/^microsandbox_collector_last_success_timestamp_seconds 1\d{9}(\.\d+)?$/mu);
    expect(page).toMatch(/^microsandbox_collector_last_reading_timestamp_seconds 1\d{9}(\.\d+)?$/mu);
    expect(page).toMatch(/^microsandbox_collector_rows 1$/mu);
    expect(page).toMatch(/^microsandbox_collector_rows_skipped\{reason="too_old"\} 1$/mu);
    expect(page).toMatch(/^microsandbox_collector_registries\{state="attached"\} 1$/mu);
    expect(page).toMatch(/^microsandbox_collector_collections_held \d+$/mu);
    expect(page).toMatch(/^process_resident_memory_bytes [1-9]\d+$/mu);
    expect(page).toMatch(/^process_cpu_seconds_total \d/mu);
    expect(page).not.toContain('microsandbox_memory_usage');
    expect(await run.stop()).toBe(0);
  });

  it('has no registry yet, and a backend that is away: healthy and ready, and it tells the error', async () => {
    const { run, get, status } = await healthOf([
      REFUSED,
      '--flush-interval=20ms',
      '--collect-interval=20ms',
    ]);
    await eventually(async () => (await status()).delivery.failures_in_a_row > 1);
    expect([(await get('/healthz')).status, (await get('/readyz')).status]).toEqual([200, 200]);
    const { delivery } = await status();
    expect(delivery).toMatchObject({
      last_success_at: null,
      last_error: { message: expect.stringContaining('ECONNREFUSED'), at: expect.any(String) },
    });
    expect(delivery.backlog_collections).toBeGreaterThan(0);
    expect((await get('/metrics')).body).not.toContain('last_success');
    await run.stop();
  });

  it('tells of the spool, also of what an earlier process has left there', async () => {
    const msbHome = testHome();
    const flags = [
      REFUSED,
      '--flush-interval=20ms',
      '--collect-interval=20ms',
      `--spool-dir=${msbHome}/spool`,
    ];
    const first = await healthOf(flags, msbHome);
    await eventually(async () => (await first.status()).spool.collections > 5);
    const { spool } = await first.status();
    expect(spool).toEqual({
      collections: expect.any(Number),
      bytes: expect.any(Number),
      max_bytes: 2 ** 31,
      oldest_at: expect.stringMatching(/^20\d\d-.*Z$/u),
    });
    const { body } = await first.get('/metrics');
    expect(body).toMatch(/^microsandbox_collector_spool_bytes [1-9]\d*$/mu);
    expect(body).toMatch(/^microsandbox_collector_spool_max_bytes 2147483648$/mu);
    expect(body).toMatch(/^microsandbox_collector_spool_collections [1-9]\d*$/mu);
    expect(body).toMatch(/^microsandbox_collector_spool_oldest_timestamp_seconds 1\d{9}/mu);
    expect(await first.run.stop()).toBe(0);
    const second = await healthOf(flags, msbHome);
    await eventually(async () => (await second.status()).spool.collections >= spool.collections);
    expect((await second.status()).delivery.backlog_collections).toBeGreaterThanOrEqual(spool.collections);
    await second.run.stop();
  });

  it('counts what is refused as a failure, too', async () => {
    const receiver = createServer((_, response) => response.writeHead(400).end('no')).listen(0, '127.0.0.1');
    onTestFinished(() => void receiver.close());
    await eventually(() => receiver.listening);
    const { port } = receiver.address() as AddressInfo;
    const { run, status } = await healthOf([
      `--endpoint=http://127.0.0.1:${port}/v1/metrics`,
      '--protocol=http',
      '--flush-interval=20ms',
      '--collect-interval=20ms',
    ]);
    await eventually(async () => (await status()).delivery.failures_in_a_row > 1);
    expect((await status()).delivery.exports_succeeded).toBe(0);
    await run.stop();
  });

  it('is unready while it drains, and still alive', async () => {
    // Takes connections, and never answers.
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      silent.close();
      silent.closeAllConnections();
    });
    await eventually(() => silent.listening);
    silent.on('request', () => {});
    const { port } = silent.address() as AddressInfo;
    const { run, get } = await healthOf([
      `--endpoint=http://127.0.0.1:${port}/v1/metrics`,
      '--protocol=http',
      '--export-timeout=30s',
    ]);
    await eventually(async () => (await get('/readyz')).status === 200);
    run.child.kill('SIGTERM');
    await eventually(async () => (await get('/readyz')).body === 'stopping\n');
    expect((await get('/healthz')).status).toBe(200);
    run.child.kill('SIGTERM');
    expect((await run.exit).code).toBe(143);
  });

  it('answers GET and HEAD on its paths, and nothing else', async () => {
    const { run, get } = await healthOf([REFUSED]);
    const head = await get('/healthz', { method: 'HEAD' });
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, '', '3']);
    expect((await get('/healthz?verbose')).status).toBe(200);
    expect((await get('/status', { method: 'POST' })).status).toBe(405);
    const { status, body } = await get('/');
    expect([status, body]).toEqual([404, 'The paths are /healthz, /readyz, /status and /metrics\n']);
    await run.stop();
  });

  it('shows no header value, not even one that the backend repeats', async () => {
    const receiver = createServer((_, response) =>
      response.writeHead(401, { 'content-type': 'text/plain' }).end('bad token hunter2hunter2'),
    ).listen(0, '127.0.0.1');
    onTestFinished(() => void receiver.close());
    await eventually(() => receiver.listening);
    const { port } = receiver.address() as AddressInfo;
    const { run, get, status } = await healthOf([
      `--endpoint=http://127.0.0.1:${port}/v1/metrics`,
      '--protocol=http',
      '--header=Authorization=hunter2hunter2',
      '--flush-interval=20ms',
    ]);
    await eventually(async () => (await status()).delivery.last_error !== null);
    expect((await get('/status')).body).toContain('bad token');
    expect((await get('/status')).body).not.toContain('hunter2');
    await run.stop();
  });

  it('is refused where it cannot be, and warned of where others can read it', async () => {
    expect(await cli(['otel', REFUSED, '--health-listen=9465'])).toMatchObject({
      code: 2,
      stderr: 'error: --health-listen: got "9465": expected HOST:PORT, such as 127.0.0.1:9465\n',
    });
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await eventually(() => taken.listening);
    const { port } = taken.address() as AddressInfo;
    const refused = await cli([
      'otel',
      REFUSED,
      `--health-listen=127.0.0.1:${port}`,
      `--msb-home=${testHome()}`,
    ]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /error: --health-listen: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/u,
    );
    const open = new Cli(['otel', REFUSED, '--health-listen=:0', `--msb-home=${testHome()}`]);
    await eventually(() =>
      /WARN msb_metrics::health: the state of this process can be read/u.test(open.stderr),
    );
    await open.stop();
  });
});

describe('check --health', () => {
  it('looks at another process, and at nothing else', async () => {
    const { run, origin } = await healthOf([REFUSED]);
    await eventually(async () => (await cli(['check', `--health=${origin}/readyz`])).code === 0);
    const well = await cli(['check', `--health=${origin}`]);
    expect(well).toEqual({ code: 0, stdout: `ok   health: ${origin}/healthz: ok\n`, stderr: '' });
    const json = await cli(['check', `--health=${origin}`, '--format=json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, checks: [{ check: 'health', status: 'ok' }] });
    await run.stop();
    const gone = await cli(['check', `--health=${origin}`]);
    expect([gone.code, gone.stdout]).toEqual([
      1,
      expect.stringMatching(/^FAIL health: .*ECONNREFUSED.*--health-listen/u),
    ]);
  });

  it('fails with what an unhealthy process says', async () => {
    const sick = createServer((_, response) => response.writeHead(503).end('no reading for 12 s\n')).listen(
      0,
      '127.0.0.1',
    );
    onTestFinished(() => void sick.close());
    await eventually(() => sick.listening);
    const { port } = sick.address() as AddressInfo;
    expect(await cli(['check', `--health=http://127.0.0.1:${port}/readyz`])).toEqual({
      code: 1,
      stdout: `FAIL health: http://127.0.0.1:${port}/readyz answers 503: no reading for 12 s\n`,
      stderr: '',
    });
  });

  it.each([
    ['is cut off', 'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nok'],
    ['breaks off between chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
    ['changes the protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['is none', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['is no health page', `HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5_000)}`],
  ])('fails where the answer %s', async (_, answer) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await eventually(() => server.listening);
    const { port } = server.address() as AddressInfo;
    const { code, stdout } = await cli(['check', `--health=http://127.0.0.1:${port}`]);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^FAIL health: http/u)]);
  });

  it.each([
    '9465',
    'https://127.0.0.1:9465',
    'http://127.0.0.1:9465/metrics',
    'ftp://x',
  ])('refuses %s', async (url) => {
    expect(await cli(['check', `--health=${url}`])).toMatchObject({
      code: 2,
      stderr: `error: --health: got "${url}": expected http://HOST:PORT, with /healthz, /readyz or no path\n`,
    });
  });
});
