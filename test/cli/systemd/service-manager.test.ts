import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startGrpcReceiver } from '../../receiver/receiver.js';
import { Cli } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { tenant, testHome, testRegistry } from '../../support/home.js';
import { notifySocket } from '../../support/notify-socket.js';

const isLinux = process.platform === 'linux';

describe.runIf(isLinux)('systemd', () => {
  it('is told by otel that it is ready, how it is, that it lives and that it stops', async () => {
    const { path, messages } = notifySocket();
    const receiver = await startGrpcReceiver();
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const run = new Cli(['otel', `--endpoint=http://127.0.0.1:${receiver.port}`, `--msb-home=${msbHome}`], {
      env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000' },
    });
    await eventually(() => messages().filter((message) => message === 'WATCHDOG=1').length >= 3);
    expect(await run.stop()).toBe(0);
    await receiver.close();
    const told = messages().filter((message) => message !== 'WATCHDOG=1');
    expect(told.slice(0, 2)).toEqual([
      'READY=1',
      expect.stringMatching(/^STATUS=1 sandbox, \d+ collections? waits?, nothing delivered yet$/u),
    ]);
    expect(told.at(-1)).toMatch(/^STOPPING=1\nSTATUS=stopping, 1 sandbox, /u);
  });

  it('is not told that it lives where the watchdog waits for another process', async () => {
    const { path, messages } = notifySocket('@msb-metrics-test-abstract');
    const run = new Cli(['otel', '--endpoint=http://127.0.0.1:9', `--msb-home=${testHome()}`], {
      env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' },
    });
    await eventually(() => messages().some((message) => message.startsWith('STATUS=0 sandboxes')));
    await run.stop();
    expect(messages()).not.toContain('WATCHDOG=1');
  });

  it.each(['stdout', 'prometheus'])('is told by %s as well', async (command) => {
    const { path, messages } = notifySocket();
    const flags = command === 'prometheus' ? ['--listen=127.0.0.1:0'] : [];
    const run = new Cli([command, `--msb-home=${testHome()}`, ...flags], { env: { NOTIFY_SOCKET: path } });
    await eventually(() => messages().includes('READY=1'));
    expect(await run.stop()).toBe(0);
    expect(messages().at(-1)).toMatch(/^STOPPING=1\nSTATUS=stopping/u);
  });

  it('is told that the service is ready even if its queue was full at first', async () => {
    const { path, messages, fill } = notifySocket();
    fill();
    const run = new Cli(['stdout', `--msb-home=${testHome()}`], { env: { NOTIFY_SOCKET: path } });
    await eventually(() => run.stderr.includes('collecting'));
    // Longer than messages that may be lost are tried for.
    await setTimeout(2_500);
    await eventually(() => messages().includes('READY=1'));
    await run.stop();
  });

  it.each([
    '18446744073709551615',
    '1e30',
    '0x10',
    'Infinity',
    '-5',
    'abc',
    '0',
  ])('that waits for signs of life for %s µs gets no flood of them', async (micros) => {
    const { path, messages } = notifySocket();
    const run = new Cli(['stdout', `--msb-home=${testHome()}`], {
      env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: micros },
    });
    await eventually(() => messages().includes('READY=1'));
    await run.stop();
    expect(messages()).not.toContain('WATCHDOG=1');
    expect(run.stderr).not.toContain('TimeoutOverflowWarning');
  });

  it('that does not listen is warned of once, and the work goes on', async () => {
    const run = new Cli(
      ['stdout', '--collect-interval=20ms', `--msb-home=${testHome()}`, '--log-level=debug'],
      {
        env: { NOTIFY_SOCKET: '/nonexistent/notify', WATCHDOG_USEC: '20000' },
      },
    );
    await eventually(() => run.stderr.split(': collected ').length > 5);
    expect(await run.stop()).toBe(0);
    expect(run.stderr.match(/cannot tell systemd of this service/gu)).toHaveLength(1);
  });

  it('is not told over a socket of another kind, which is warned of', async () => {
    const run = new Cli(['stdout', `--msb-home=${testHome()}`], { env: { NOTIFY_SOCKET: 'vsock:2:1234' } });
    await eventually(() => run.stderr.includes('WARN msb_metrics::systemd: NOTIFY_SOCKET is no Unix socket'));
    await run.stop();
  });
});
