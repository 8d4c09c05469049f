import { renameSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GrpcReply, type Receiver, startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { removeCatalog, testCatalog } from '../support/catalog.js';
import { Cli, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';
import { ledgerOf, sampleSandboxes } from '../support/sampling.js';
import { untilRead } from '../support/until-read.js';

const grpc = async (
  reply?: (index: number) => GrpcReply,
): Promise<{ receiver: Receiver; flags: string[] }> => {
  const receiver = await startGrpcReceiver(reply === undefined ? {} : { reply: (_, index) => reply(index) });
  onTestFinished(() => receiver.close());
  return { receiver, flags: [`--endpoint=http://127.0.0.1:${receiver.port}`] };
};

const http = async (): Promise<{ receiver: Receiver; flags: string[] }> => {
  const receiver = await startHttpReceiver();
  onTestFinished(() => receiver.close());
  return { receiver, flags: [`--endpoint=${receiver.url}`, '--protocol=http'] };
};

const fast = [
  '--collect-interval=40ms',
  '--flush-interval=100ms',
  '--max-sample-age=0s',
  '--log-level=debug',
];

describe('labels', () => {
  it.each([
    ['over gRPC', () => grpc(), []],
    ['over HTTP', () => http(), []],
    ['over gRPC, by the SDK', () => grpc(), ['--exporter=sdk']],
    ['over HTTP, by the SDK', () => http(), ['--exporter=sdk']],
  ] as const)('are on every point of their sandbox, after its identity, sorted by key: %s', async (_, start, more) => {
    const { receiver, flags } = await start();
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    for (let id = 1; id <= 5; id++) {
      put(id, `sandbox-${id - 1}`, {
        labels: { 'user.id': `user-${id}`, '1': 'one', a: '' },
        env: { KEY: 's3cret' },
      });
    }
    const { written, tick } = sampleSandboxes({
      msbHome,
      count: 6,
      intervalMillis: Number.POSITIVE_INFINITY,
    });
    const run = new Cli(['otel', ...flags, `--msb-home=${msbHome}`, ...fast, ...more]);
    await untilRead(() => run.stderr);
    while (receiver.accepted.length < 4) {
      tick();
      await untilRead(() => run.stderr);
    }
    expect(await run.stop()).toBe(0);
    const ledger = ledgerOf(written, receiver);
    for (const { points } of receiver.accepted) {
      for (const { attributes, metric } of points) {
        const { 'sandbox.name': name, 'sandbox.id': id } = attributes;
        const labels = name === 'sandbox-5' ? {} : { '1': 'one', a: '', 'user.id': `user-${id}` };
        expect(attributes, metric).toEqual(
          metric.includes('.collector.') ? {} : { 'sandbox.name': name, 'sandbox.id': id, ...labels },
        );
      }
    }
    expect([ledger.missingPoints(), ledger.duplicated, ledger.wrong, ledger.unknown]).toEqual([[], 0, 0, 0]);
    expect(run.stderr).not.toMatch(/s3cret|catalog: /u);
  });

  it('of a collection that is held are those of its own tick', async () => {
    let isDown = true;
    const { receiver, flags } = await grpc(() =>
      isDown ? { kind: 'status', code: 14, details: 'down' } : { kind: 'ok' },
    );
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    put(1, 'sandbox-0', { labels: { version: '1' } });
    const { tick } = sampleSandboxes({ msbHome, count: 1, intervalMillis: Number.POSITIVE_INFINITY });
    const run = new Cli(['otel', ...flags, `--msb-home=${msbHome}`, ...fast, '--max-buffered=10000']);
    await untilRead(() => run.stderr);
    put(1, 'sandbox-0', { labels: { version: '2' } });
    await untilRead(() => run.stderr);
    tick();
    await untilRead(() => run.stderr);
    isDown = false;
    await eventually(() => receiver.accepted.length > 0);
    expect(await run.stop()).toBe(0);
    const memory = receiver.accepted
      .flatMap(({ points }) => points)
      .filter(({ metric }) => metric === 'microsandbox.memory.usage')
      .sort((a, b) => Number(a.timeNanos - b.timeNanos));
    expect(memory.map(({ attributes }) => attributes.version)).toEqual(['1', '2']);
  });

  it('can be turned off, and single keys left out, case by case', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant({ sandboxId: 1 })), { sampledAtMillis: Date.now() });
    testCatalog(msbHome).put(1, 'devbox', { labels: { 'user.id': 'alice', Commit: 'a b', commit: 'c' } });
    const lineOf = async (...flags: string[]): Promise<string> =>
      (await cli(['stdout', '--once', `--msb-home=${msbHome}`, ...flags])).stdout
        .replace(/^.*uptime=\S+/u, '')
        .trimEnd();
    expect(await lineOf()).toBe(' labels={Commit="a b",commit=c,user.id=alice}');
    expect(await lineOf('--exclude-label-key=commit', '--exclude-label-key', 'user.id')).toBe(
      ' labels={Commit="a b"}',
    );
    expect(await lineOf('--no-labels')).toBe('');
    const { stdout } = await cli(['stdout', '--once', '--format=json', `--msb-home=${msbHome}`]);
    expect(JSON.parse(stdout).labels).toEqual({ Commit: 'a b', commit: 'c', 'user.id': 'alice' });
  });

  it('that cannot be had are warned of once, with the remedy, and it is said when they can be had again', async () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    put(1, 'sandbox-0', { labels: 'none' });
    const { receiver, flags } = await grpc();
    sampleSandboxes({ msbHome, count: 1, intervalMillis: 50 });
    const run = new Cli(['otel', ...flags, `--msb-home=${msbHome}`, ...fast]);
    await eventually(() =>
      /WARN msb_metrics::catalog: sandboxes get no labels: .*sandboxes=.*sandbox-0: its labels are no object/u.test(
        run.stderr,
      ),
    );
    put(1, 'sandbox-0', { labels: {} });
    await eventually(() =>
      run.stderr.includes('INFO msb_metrics::catalog: sandboxes have their labels again sandboxes=sandbox-0'),
    );
    close();
    removeCatalog(path);
    await eventually(() =>
      /WARN msb_metrics::catalog: sandboxes get no labels: .*is not there/u.test(run.stderr),
    );
    // Made elsewhere: read while it is half made, it would be one more trouble.
    const made = testCatalog(testHome());
    made.put(1, 'sandbox-0', { labels: { a: 'b' } });
    made.close();
    renameSync(made.path, path);
    await eventually(() => run.stderr.includes("INFO msb_metrics::catalog: msb's catalog can be read again"));
    await eventually(() => receiver.accepted.at(-1)?.points.some(({ attributes }) => attributes.a === 'b'));
    expect(await run.stop()).toBe(0);
    expect(run.stderr.match(/catalog: /gu)).toHaveLength(4);
  });

  it('that cannot be had are warned of by one reading, too', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const { code, stderr } = await cli(['stdout', '--once', `--msb-home=${msbHome}`]);
    expect(code).toBe(0);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(
        /WARN msb_metrics::catalog: sandboxes get no labels: .*db\/msb\.db is not there/u,
      ),
    ]);
  });

  it('are reported by check: the file, its newest migration, sandboxes with labels, keys and values', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    for (const [id, name] of [
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ] as const) {
      registry.sample(registry.start(tenant({ sandboxId: id, name })), { sampledAtMillis: Date.now() });
    }
    const { put, exec } = testCatalog(msbHome);
    exec("INSERT INTO seaql_migrations VALUES ('m20260101_000001_first', 1), ('m20260601_000002_newest', 2)");
    put(1, 'one', { labels: { tenant: 'a', tier: 'x' } });
    put(2, 'two', { labels: { tenant: 'b', tier: 'x' } });
    put(3, 'three', '{');
    const { code, stdout } = await cli(['check', `--msb-home=${msbHome}`]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {3}catalog: .*\/db\/msb\.db, newest migration m20260601_000002_newest$/mu);
    expect(stdout).toContain(
      'ok   labels: 2 of 3 sandboxes have labels: tenant (2 values), tier (1 value)\n',
    );
    expect(stdout).toContain('warn labels: three has none: its configuration is no JSON');
    const off = await cli(['check', '--no-labels', `--msb-home=${msbHome}`]);
    expect(off.stdout).toContain('ok   catalog: not looked at: --no-labels');
    const empty = await cli(['check', '--no-labels', `--msb-home=${testHome()}`]);
    expect(empty.stdout).toContain('ok   catalog: not looked at: --no-labels');
    const missing = testHome();
    const other = testRegistry({ msbHome: missing });
    other.sample(other.start(tenant()), { sampledAtMillis: Date.now() });
    expect((await cli(['check', `--msb-home=${missing}`])).stdout).toMatch(/^warn catalog: .*is not there/mu);
  });
});
