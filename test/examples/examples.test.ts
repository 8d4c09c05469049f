import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** An example as a reader would run it: by its name, importing the package by its name. */
function example(
  name: string,
  ...args: string[]
): { child: ChildProcess; output(): string; exit: Promise<number | null> } {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}.ts`, ...args], { cwd: ROOT });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  return { child, output: () => output, exit };
}

describe('the examples', () => {
  it('memory-alert tells when a sandbox comes near its memory limit, and when that is over', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const slot = registry.start(tenant({ name: 'hungry' }));
    const use = (memoryUsedBytes: number) =>
      registry.sample(slot, { sampledAtMillis: Date.now(), memoryUsedBytes, memoryLimitBytes: 1000 });
    use(950);
    const { output } = example('memory-alert', msbHome, '0.9');
    await eventually(() => output().includes('ALERT hungry uses 95 % of its memory'));
    use(300);
    await eventually(() => output().includes('over  hungry uses 30 % of its memory'));
  });

  it('custom-sink delivers through a failure of its backend, gives up what is refused, and drains', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const slot = registry.start(tenant());
    registry.sample(slot, { sampledAtMillis: Date.now() });
    const bodies: string[] = [];
    let status = 500;
    const server = createServer((request, response) => {
      request.setEncoding('utf8');
      let body = '';
      request.on('data', (text) => {
        body += text;
      });
      request.on('end', () => {
        if (status === 200) {
          bodies.push(body);
        }
        response.writeHead(status).end('words');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const { child, output, exit } = example('custom-sink', msbHome, `http://127.0.0.1:${port}/`, '1');
    await eventually(() => output().includes('failed: 500 words; next attempt in 1000 ms'));
    status = 400;
    await eventually(() => /gave up [1-9]\d* collections: words/u.test(output()));
    registry.sample(slot, { sampledAtMillis: Date.now() });
    status = 200;
    await eventually(() => /delivered [1-9]/u.test(output()));
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(output()).toMatch(/\ndone, 0 lost\n$/u);
    expect(JSON.parse(bodies.join('').split('\n')[0])).toMatchObject({ name: 'devbox', sandboxId: 33 });
  });

  it('server flushes on demand, says so when the backend is away, and drains', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const receiver = await startGrpcReceiver();
    onTestFinished(() => receiver.close());
    const { child, output, exit } = example('server', msbHome, `http://127.0.0.1:${receiver.port}`, '0');
    const [, port] = await eventually(() => /listening on (\d+)/u.exec(output()));
    const flush = () => fetch(`http://127.0.0.1:${port}/flush`, { method: 'POST' });
    await eventually(async () => {
      expect(await (await flush()).text()).toBe('flushed\n');
      return receiver.accepted.some(({ points }) =>
        points.some(({ attributes }) => attributes['sandbox.name'] === 'devbox'),
      );
    });
    await receiver.close();
    const failed = await eventually(async () => {
      const response = await flush();
      return response.status === 503 ? response.text() : undefined;
    });
    expect(failed).toContain('UNAVAILABLE');
    const again = await startGrpcReceiver({ port: receiver.port });
    onTestFinished(() => again.close());
    child.kill('SIGTERM');
    const code = await exit;
    expect([code, output()]).toEqual([0, expect.stringContaining('metrics drained')]);
  });

  it('meter-provider sends its own instruments and the sandboxes through one reader', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now(), memoryUsedBytes: 77 });
    const receiver = await startHttpReceiver();
    onTestFinished(() => receiver.close());
    const { child, output, exit } = example('meter-provider', msbHome, receiver.url, '1');
    await eventually(() => receiver.accepted.length > 0);
    const [{ points }] = receiver.accepted;
    expect(points.find(({ metric }) => metric === 'platform.jobs')?.resource['service.name']).toBe(
      'my-platform',
    );
    expect(points.find(({ metric }) => metric === 'microsandbox.memory.usage')).toMatchObject({
      value: 77,
      attributes: { 'sandbox.name': 'devbox', 'sandbox.id': 33 },
      resource: { 'service.name': 'my-platform' },
    });
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(output()).toContain('stopped');
  });
});
