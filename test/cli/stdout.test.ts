import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Cli, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const CLI = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));
const fast = ['--collect-interval=50ms', '--flush-interval=50ms'];

describe('msb-metrics stdout', () => {
  it('prints a line a snapshot, in the documented form', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const startedAtMillis = Date.now() - 148_515_000;
    const slot = registry.start(tenant({ startedAtMillis }));
    const sampledAtMillis = startedAtMillis + 148_515_000;
    registry.sample(slot, {
      sampledAtMillis,
      cpuPercent: 0.0107,
      memoryUsedBytes: 14_260_634,
      memoryLimitBytes: 536_870_912,
      diskReadBytes: 93_637_837,
      diskWrittenBytes: 676_017_000,
      networkReceivedBytes: 50_331_648,
      networkSentBytes: 274_944,
    });
    const run = new Cli(['stdout', `--msb-home=${msbHome}`, ...fast]);
    await eventually(() => run.stdout.includes('\n'));
    expect(await run.stop('SIGINT')).toBe(0);
    const time = new Date(sampledAtMillis).toISOString().replace(/\.\d+Z/u, 'Z');
    expect(run.stdout.split('\n')[0]).toBe(
      `${time} sandbox=devbox id=33 cpu=0.000107 mem=13.6 MiB / 512.0 MiB disk_r=89.3 MiB disk_w=644.7 MiB net_rx=48.0 MiB net_tx=268.5 KiB uptime=2475m15s`,
    );
  });

  it('says when there are no sandboxes, and begins to print them when a registry comes to be', async () => {
    const msbHome = testHome();
    const run = new Cli(['stdout', ...fast], { env: { MSB_HOME: msbHome } });
    await eventually(() => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(no active sandboxes\)\n/u.test(run.stdout));
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    await eventually(() => run.stdout.includes('sandbox=devbox id=33 cpu=- mem=- / 0 B'));
    expect(await run.stop()).toBe(0);
  });

  it('lets no name reach the terminal or begin a line of its own', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const name = 'evil\u001b[2J\n2026-05-30T02:44:31Z sandbox=fake\u0085\u202e\r';
    registry.sample(registry.start(tenant({ name })), { sampledAtMillis: Date.now() });
    const run = new Cli(['stdout', `--msb-home=${msbHome}`, ...fast]);
    await eventually(() => run.stdout.includes('\n'));
    await run.stop();
    const [line] = run.stdout.split('\n');
    expect(line).toContain(
      'sandbox="evil\\u{1b}[2J\\u{a}2026-05-30T02:44:31Z sandbox=fake\\u{85}\\u{202e}\\u{d}" id=33',
    );
    expect(run.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u);
  });

  it.each([
    ['/nowhere/a/../b', '/nowhere/a/../b/.microsandbox'],
    ['//nowhere/', '//nowhere/.microsandbox'],
  ])('takes the home of %s as it is: the name of the registry is made of its bytes', async (HOME, msbHome) => {
    const run = new Cli(['stdout'], { env: { HOME } });
    await eventually(() => run.stderr.includes(`msb_home=${msbHome} `));
    expect(run.stderr).not.toContain('WARN');
    await run.stop();
  });

  it('warns of a buffer that cannot hold a flush interval', async () => {
    const run = new Cli(['stdout', `--msb-home=${testHome()}`, '--flush-interval=61s']);
    await eventually(() => run.stderr.includes('collecting'));
    expect(run.stderr).toMatch(/WARN .*too small.* collections_a_flush=61 max_buffered=60/u);
    await run.stop();
  });

  it('ends quietly when its reader goes away', async () => {
    const msbHome = testHome();
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      [
        '--norc',
        '-c',
        `"$0" "$1" stdout --collect-interval=20ms --flush-interval=20ms --log-level=warn | head -1; exit \${PIPESTATUS[0]}`,
        process.execPath,
        CLI,
      ],
      { env: { PATH: process.env.PATH, MSB_HOME: msbHome } },
    );
    expect(stdout).toMatch(/^\S+ \(no active sandboxes\)\n$/u);
    expect(stderr).toBe('');
  });

  /** A run whose buffer is full because its reader has stopped reading, and that was then told to stop. */
  async function stoppedWhileStalled(): Promise<Cli> {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    for (let index = 0; index < 100; index++) {
      registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    }
    const run = new Cli([
      'stdout',
      `--msb-home=${msbHome}`,
      '--collect-interval=5ms',
      '--flush-interval=5ms',
      '--max-sample-age=0s',
      '--max-buffered=3',
      '--log-level=debug',
    ]);
    run.child.stdout?.pause();
    await eventually(() => run.stderr.includes('buffer full'));
    run.child.kill('SIGTERM');
    return run;
  }

  it('stops at a signal also while its reader does not read', async () => {
    const run = await stoppedWhileStalled();
    await eventually(() => run.stderr.includes('draining'));
    run.child.stdout?.resume();
    expect((await run.exit).code).toBe(0);
  });

  it('stops at a signal by itself if its reader never reads again', async () => {
    const run = await stoppedWhileStalled();
    const [code] = await once(run.child, 'exit');
    expect(code).toBe(1);
    expect(run.stderr).toContain('lost');
  });
});

describe('msb-metrics stdout --format=json', () => {
  it('prints an object a line and snapshot, with every field, and null for what is not known', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const startedAtMillis = Date.now() - 60_000;
    const sampledAtMillis = Date.now();
    registry.sample(registry.start(tenant({ name: 'dev\u001b"box', startedAtMillis })), {
      sampledAtMillis,
      cpuPercent: 50,
      memoryUsedBytes: 1_024,
    });
    const { code, stdout } = await cli(['stdout', '--once', '--format=json', `--msb-home=${msbHome}`]);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(JSON.parse(stdout)).toEqual({
      time: new Date(sampledAtMillis).toISOString(),
      name: 'dev\u001b"box',
      sandbox_id: 33,
      run_id: 7,
      pid: process.pid,
      started_at_millis: startedAtMillis,
      abi: 3,
      sampled_at_millis: sampledAtMillis,
      uptime_seconds: (sampledAtMillis - startedAtMillis) / 1_000,
      cpu_utilization: 0.5,
      vcpu_time_nanos: 0,
      memory_used_bytes: 1_024,
      memory_limit_bytes: 0,
      memory_available_bytes: null,
      memory_host_resident_bytes: null,
      disk_read_bytes: 0,
      disk_written_bytes: 0,
      network_received_bytes: 0,
      network_sent_bytes: 0,
      upper_used_bytes: null,
      upper_free_bytes: null,
      upper_host_allocated_bytes: null,
      labels: {},
    });
  });

  it('prints nothing for a reading without sandboxes', async () => {
    const msbHome = testHome();
    testRegistry({ msbHome });
    const { code, stdout } = await cli(['stdout', '--once', '--format=json', `--msb-home=${msbHome}`]);
    expect([code, stdout]).toEqual([0, '']);
  });
});

describe('msb-metrics stdout --once', () => {
  it('prints one reading and exits', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    registry.sample(registry.start(tenant({ name: 'second' })), { sampledAtMillis: Date.now() });
    const { code, stdout, stderr } = await cli(['stdout', '--once', '--no-labels', `--msb-home=${msbHome}`]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').map((line) => /sandbox=(\S+)/u.exec(line)?.[1])).toEqual([
      'devbox',
      'second',
      undefined,
    ]);
  });

  it('exits with 1 where no registry can be read, and says what it looked for', async () => {
    const { code, stdout, stderr } = await cli(['stdout', '--once', `--msb-home=${testHome()}`]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/ERROR msb_metrics::shm: no registry could be read: .*looked_for="\/msb-met-/u);
  });

  it('reads again where the process cannot be seen, for a sample that advances is alive', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const slot = registry.start(tenant({ pid: 2 ** 22 + 1 }));
    const sample = (): void => registry.sample(slot, { sampledAtMillis: Date.now() });
    sample();
    const timer = setInterval(sample, 100);
    const { code, stdout } = await cli(['stdout', '--once', `--msb-home=${msbHome}`]);
    clearInterval(timer);
    expect(code).toBe(0);
    expect(stdout).toContain('sandbox=devbox');
  });

  it('ends well where the reader has gone', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const { stderr } = await promisify(execFile)('bash', [
      '-c',
      `set -o pipefail; ${process.execPath} ${CLI} stdout --once --no-labels --msb-home=${msbHome} | true`,
    ]);
    expect(stderr).toBe('');
  });
});
