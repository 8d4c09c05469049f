import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cli, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

async function serving(flags: readonly string[] = [], env: Record<string, string> = {}) {
  const msbHome = testHome();
  const registry = testRegistry({ msbHome });
  const slot = registry.start(tenant());
  registry.sample(slot, { sampledAtMillis: Date.now(), memoryUsedBytes: 5 });
  const run = new Cli(['prometheus', '--listen=127.0.0.1:0', `--msb-home=${msbHome}`, ...flags], { env });
  const url = await eventually(() => /serving url=(\S+)/u.exec(run.stderr)?.[1]);
  return { run, url, registry, slot };
}

/** Without the fetch of Node, which undoes gzip. */
const get = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<{ status?: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          ...(response.statusCode === undefined ? {} : { status: response.statusCode }),
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    })
      .on('error', reject)
      .end();
  });

describe('msb-metrics prometheus', () => {
  it('serves the newest samples, and stops at a signal', async () => {
    const { run, url, registry, slot } = await serving(['--collect-interval=1ms']);
    const { status, headers, body } = await get(url);
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(body.toString()).toContain(
      'microsandbox_memory_usage_bytes{sandbox_name="devbox",sandbox_id="33"} 5\n',
    );
    registry.sample(slot, { sampledAtMillis: Date.now(), memoryUsedBytes: 6 });
    await eventually(async () => (await get(url)).body.toString().includes('sandbox_id="33"} 6\n'));
    expect(await run.stop()).toBe(0);
    expect(run.stderr).toContain('SIGTERM: stopped');
    expect(run.stderr.match(/WARN|ERROR/gu) ?? []).toEqual(['WARN']);
    expect(run.stderr).toContain("sandboxes get no labels: msb's catalog");
  });

  it('gives gzip to those who ask for it, and the head alone to those who ask for that', async () => {
    const { url } = await serving();
    const plain = await get(url);
    for (const encoding of ['gzip', 'deflate, gzip;q=0.5', '*']) {
      const gzipped = await get(url, { 'accept-encoding': encoding });
      expect(gzipped.headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(gzipped.body).toString()).toBe(plain.body.toString());
    }
    for (const encoding of ['', 'identity', 'gzip;q=0', 'br']) {
      expect((await get(url, { 'accept-encoding': encoding })).headers['content-encoding']).toBeUndefined();
    }
    const head = await get(url, {}, 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(plain.body.length));
  });

  it('refuses other methods and knows no other page', async () => {
    const { url } = await serving();
    expect(await get(url, {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect((await get(url.replace('/metrics', '/'))).body.toString()).toContain('/metrics');
    expect((await get(url.replace('/metrics', '/metricsx'))).status).toBe(404);
    expect((await get(`${url}?debug=1`)).status).toBe(200);
  });

  it('reads once for ten that scrape at once', async () => {
    const { run, url } = await serving(['--collect-interval=1h', '--log-level=debug']);
    const pages = await Promise.all(Array.from({ length: 10 }, () => get(url)));
    expect(new Set(pages.map(({ body }) => body.toString())).size).toBe(1);
    expect(run.stderr.match(/: collected /gu)).toHaveLength(1);
    expect(await run.stop()).toBe(0);
  });

  it('takes the attributes and the times it is told to', async () => {
    const { url } = await serving(['--emit-run-id', '--emit-pid', '--timestamps']);
    expect((await get(url)).body.toString()).toMatch(
      /^microsandbox_memory_usage_bytes\{sandbox_name="devbox",sandbox_id="33",sandbox_run_id="7",sandbox_pid="\d+"\} 5 \d{13}$/mu,
    );
  });

  it("listens where OpenTelemetry's variables say, unless the flag says otherwise", async () => {
    const msbHome = testHome();
    const start = async (flags: readonly string[], env: Record<string, string>): Promise<string> => {
      const run = new Cli(['prometheus', `--msb-home=${msbHome}`, ...flags], { env });
      const url = await eventually(() => /serving url=(\S+)/u.exec(run.stderr)?.[1]);
      await run.stop();
      return url;
    };
    const variables = { OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.2', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
    expect(await start([], variables)).toMatch(/^http:\/\/127\.0\.0\.2:(?!9464)\d+\/metrics$/u);
    expect(await start(['--listen=127.0.0.1:0'], variables)).toMatch(/^http:\/\/127\.0\.0\.1:/u);
  });

  it('warns where other hosts can read the page', async () => {
    const { run } = await serving();
    expect(run.stderr).not.toContain('other hosts');
    const open = new Cli(['prometheus', '--listen=:0', `--msb-home=${testHome()}`]);
    await eventually(() => /WARN .*the page can be read from other hosts/u.test(open.stderr));
    await open.stop();
  });

  it.each(['LOCALHOST:0', '127.1:0'])('does not warn of --listen=%s', async (listen) => {
    const run = new Cli(['prometheus', `--listen=${listen}`, `--msb-home=${testHome()}`]);
    await eventually(() => run.stderr.includes('serving'));
    await run.stop();
    expect(run.stderr).not.toContain('other hosts');
  });

  it.each([
    ['9464', 'expected HOST:PORT, such as 127.0.0.1:9464'],
    ['localhost', 'expected HOST:PORT'],
    ['127.0.0.1:99999', 'expected HOST:PORT'],
    ['::1:9464', 'expected HOST:PORT'],
    ['http://127.0.0.1:9464', 'expected HOST:PORT'],
  ])('refuses --listen=%s', async (listen, expected) => {
    const { code, stderr } = await cli(['prometheus', `--listen=${listen}`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--listen: got "${listen}": ${expected}`)]);
  });

  it('refuses a port that is taken, and a bad variable', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await eventually(() => server.listening);
    const { port } = server.address() as AddressInfo;
    const taken = await cli(['prometheus', `--listen=127.0.0.1:${port}`, `--msb-home=${testHome()}`]);
    expect(taken).toMatchObject({
      code: 1,
      stderr: `error: --listen: cannot listen on 127.0.0.1:${port} (EADDRINUSE): expected an address of this host and a port that is free\n`,
    });
    const named = await cli(['prometheus', `--msb-home=${testHome()}`], {
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    });
    expect(named.stderr).toContain(
      `error: OTEL_EXPORTER_PROMETHEUS_HOST, OTEL_EXPORTER_PROMETHEUS_PORT: cannot listen on 127.0.0.1:${port}`,
    );
    const variable = await cli(['prometheus'], { OTEL_EXPORTER_PROMETHEUS_PORT: 'http' });
    expect(variable).toMatchObject({
      code: 2,
      stderr: 'error: OTEL_EXPORTER_PROMETHEUS_PORT: got "http": expected a port, such as 9464\n',
    });
  });
});
