import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startGrpcReceiver } from '../receiver/receiver.js';
import { Cli, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { testHome, testRegistry } from '../support/home.js';

const CLI = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));
const fast = ['--collect-interval=50ms', '--flush-interval=50ms'];

async function otel(msbHome: string, port: number, ...more: string[]): Promise<Cli> {
  const run = new Cli([
    'otel',
    `--msb-home=${msbHome}`,
    `--endpoint=http://127.0.0.1:${port}`,
    ...fast,
    ...more,
  ]);
  await eventually(() => run.stderr.includes('collecting'));
  return run;
}

const receiverPort = async (): Promise<number> => {
  const receiver = await startGrpcReceiver({});
  onTestFinished(() => receiver.close());
  return receiver.port;
};

describe('the line at the start', () => {
  it('names protocol and endpoint, without what may be secret, and so does a failure', async () => {
    const run = new Cli([
      'otel',
      `--msb-home=${testHome()}`,
      '--endpoint=http://127.0.0.1:1/v1/metrics?key=s3cret-value',
      '--protocol=http',
      ...fast,
    ]);
    await eventually(() => run.stderr.includes('metrics export failed'));
    await run.stop();
    expect(run.stderr).toMatch(
      / collecting .*protocol=http endpoint=http:\/\/127\.0\.0\.1:1\/v1\/metrics\n/u,
    );
    expect(run.stderr).toMatch(
      /WARN .*metrics export failed .*protocol=http endpoint=http:\/\/127\.0\.0\.1:1\/v1\/metrics remedy="nothing listens/u,
    );
    expect(run.stderr).not.toContain('s3cret');
  });
});

describe('secrets', () => {
  it('are in no line, also of the gRPC library at its most talkative', async () => {
    const secret = 's3cr3t-t0ken-value';
    const receiver = await startGrpcReceiver({
      reply: () => ({ kind: 'status', code: 16, details: `no ${Buffer.from(secret).toString('base64')}` }),
    });
    onTestFinished(() => receiver.close());
    const run = new Cli(
      [
        'otel',
        `--msb-home=${testHome()}`,
        `--endpoint=http://127.0.0.1:${receiver.port}`,
        `--header=authorization=Bearer ${secret}`,
        ...fast,
        '--log-level=trace',
      ],
      { env: { GRPC_TRACE: 'all', GRPC_VERBOSITY: 'DEBUG' } },
    );
    await eventually(() => run.stderr.includes('metrics export failed'));
    await run.stop();
    expect(run.stderr).toContain('gRPC UNAUTHENTICATED: no ***');
    for (const form of [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]) {
      expect(run.stderr).not.toContain(form);
    }
  });
});

describe('two on one host', () => {
  const warning = 'another msb-metrics on this host sends the same series';

  it('with the same home, endpoint and service.instance.id: the second warns, also after a kill of an earlier one', async () => {
    const port = await receiverPort();
    const msbHome = testHome();
    const first = await otel(msbHome, port);
    const second = await otel(msbHome, port);
    await eventually(() => second.stderr.includes(warning));
    expect(first.stderr).not.toContain(warning);
    await second.stop('SIGKILL');
    await first.stop('SIGKILL');
    const third = await otel(msbHome, port, '--log-level=debug');
    await eventually(() => third.stderr.includes(': collected '));
    expect(third.stderr).not.toContain(warning);
  });

  it('with another service.instance.id, home or endpoint: none warns', async () => {
    const [port, otherPort] = [await receiverPort(), await receiverPort()];
    const msbHome = testHome();
    const runs = [
      await otel(msbHome, port, '--log-level=debug'),
      await otel(msbHome, port, '--log-level=debug', '--resource=service.instance.id=other'),
      await otel(testHome(), port, '--log-level=debug'),
      await otel(msbHome, otherPort, '--log-level=debug'),
    ];
    for (const run of runs) {
      await eventually(() => run.stderr.includes(': collected '));
      expect(run.stderr).not.toContain(warning);
    }
  });

  it('with registries of another home: warns and names service.instance.id, unless that was given', async () => {
    const [other, mine] = [testHome(), testHome()];
    testRegistry({ msbHome: other, capacity: 1 });
    testRegistry({ msbHome: mine, capacity: 1 });
    const port = await receiverPort();
    const warned = await otel(mine, port);
    await eventually(() => warned.stderr.includes('more than one MSB_HOME'));
    expect(warned.stderr).toContain('--resource=service.instance.id=');
    // `test-host` is what it would be by default.
    for (const id of ['mine', 'test-host']) {
      const named = await otel(mine, port, `--resource=service.instance.id=${id}`, '--log-level=debug');
      await eventually(() => named.stderr.includes(': collected '));
      expect(named.stderr).not.toContain('more than one MSB_HOME');
    }
  });

  it('with registries of another home only: does not, because this home may be the wrong one', async () => {
    testRegistry({ msbHome: testHome(), capacity: 1 });
    const run = await otel(testHome(), await receiverPort(), '--log-level=debug');
    await eventually(() => run.stderr.split(': collected ').length > 3);
    expect(run.stderr).not.toContain('more than one MSB_HOME');
  });
});

describe('signals', () => {
  it('SIGHUP drains, as a closed terminal sends it', async () => {
    const run = await otel(testHome(), await receiverPort());
    expect(await run.stop('SIGHUP')).toBe(0);
    expect(run.stderr).toContain('SIGHUP: draining');
  });

  it('SIGUSR1 opens no debugger port and ends nothing', async () => {
    const run = await otel(testHome(), await receiverPort(), '--log-level=debug');
    run.child.kill('SIGUSR1');
    const before = run.stderr.length;
    await eventually(() => run.stderr.slice(before).includes(': collected '));
    expect(run.stderr).not.toMatch(/Debugger listening/u);
    expect(await run.stop()).toBe(0);
  });
});

describe('--log-format=json', () => {
  const isJson = (text: string): boolean =>
    text
      .trim()
      .split('\n')
      .every((line) => typeof JSON.parse(line).message === 'string');

  it.each([
    ['otel', '--log-format=json'],
    ['otel', '--log-format', 'json', '--endpoint=x'],
    ['--log-format=json', '--no-such-flag'],
    ['--log-format=json'],
  ])('makes a usage error JSON: %s', async (...args) => {
    const { code, stderr } = await cli(args);
    expect(code).toBe(2);
    expect(isJson(stderr)).toBe(true);
    expect(JSON.parse(stderr)).toMatchObject({ level: 'ERROR' });
  });

  it("makes Node's own warnings JSON", async () => {
    const run = new Cli(
      [
        'otel',
        `--msb-home=${testHome()}`,
        '--endpoint=https://127.0.0.1:1/v1/metrics',
        '--protocol=http',
        '--log-format=json',
        ...fast,
      ],
      { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
    );
    await eventually(() => run.stderr.includes('NODE_TLS_REJECT_UNAUTHORIZED'));
    await run.stop();
    expect(isJson(run.stderr)).toBe(true);
  });

  it('makes a file of NODE_EXTRA_CA_CERTS that cannot be read a usage error, after what Node itself prints of it', async () => {
    const { code, stderr } = await cli(['otel', '--endpoint=https://127.0.0.1:1', '--log-format=json'], {
      NODE_EXTRA_CA_CERTS: '/no/such/file',
    });
    expect(code).toBe(2);
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '').message).toMatch(
      /^NODE_EXTRA_CA_CERTS: cannot read "\/no\/such\/file" \(ENOENT\)/u,
    );
  });
});

describe('RUST_LOG that is meant for msb', () => {
  it('hides no warning and no error', async () => {
    const run = new Cli(['otel', `--msb-home=${testHome()}`, '--endpoint=http://127.0.0.1:1', ...fast], {
      env: { RUST_LOG: 'microsandbox=debug' },
    });
    await eventually(() => /WARN .*metrics export failed/u.test(run.stderr));
    expect(await run.stop()).toBe(1);
    expect(run.stderr).toMatch(/ERROR msb_metrics: stopped, the last export failed/u);
  });
});

describe('the last line', () => {
  it('says how many collections were dropped since the start', async () => {
    const run = new Cli([
      'otel',
      `--msb-home=${testHome()}`,
      '--endpoint=http://127.0.0.1:1',
      '--collect-interval=20ms',
      '--flush-interval=50ms',
      '--max-buffered=2',
    ]);
    await eventually(() => run.stderr.includes('buffer full'));
    expect(await run.stop()).toBe(1);
    const last = run.stderr.trim().split('\n').at(-1);
    expect(last).toMatch(
      /stopped, the last export failed .*collections_dropped=[1-9]\d* collections_lost=2/u,
    );
  });
});

describe('what was logged', () => {
  it('is written before a stop, where the reader of standard error lags', async () => {
    const run = spawn(
      process.execPath,
      [
        CLI,
        'otel',
        `--msb-home=${testHome()}`,
        '--endpoint=http://127.0.0.1:1',
        '--collect-interval=1ms',
        '--log-level=debug',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    onTestFinished(() => {
      run.kill('SIGKILL');
    });
    let text = '';
    run.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await eventually(() => text.includes(': collected '));
    run.stderr.pause();
    // Far more than a pipe holds, which nobody reads.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    run.kill('SIGTERM');
    run.stderr.resume();
    await new Promise((resolve) => run.once('close', resolve));
    expect(text.trim().split('\n').at(-1)).toMatch(/stopped, the last export failed/u);
  });
});

describe('help', () => {
  it.skipIf(process.platform !== 'linux').each([['--help'], ['otel', '--help'], ['--version']])(
    'that cannot be written exits with 1: %s',
    async (...args) => {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', full, 'pipe'] });
      closeSync(full);
      const code = await new Promise((resolve) => child.once('exit', resolve));
      expect(code).toBe(1);
    },
  );
});
