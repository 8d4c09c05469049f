import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

it("what OpenTelemetry's exporter logs is short, and has no secret", async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<html>${request.headers.authorization} ${'x'.repeat(1_000_000)}</html>`);
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await eventually(() => server.listening);
  const { port } = server.address() as AddressInfo;
  const msbHome = testHome();
  const registry = testRegistry({ msbHome });
  registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
  const run = new Cli([
    'otel',
    '--exporter=sdk',
    '--protocol=http',
    `--endpoint=http://127.0.0.1:${port}/v1/metrics`,
    '--header=authorization=Bearer SECRETTOKEN123',
    `--msb-home=${msbHome}`,
    '--flush-interval=100ms',
    '--collect-interval=100ms',
  ]);
  const line = await eventually(() => /^.*could not deserialize response.*$/mu.exec(run.stderr)?.[0]);
  await run.stop();
  expect(line).toContain('<html>');
  expect(line.length).toBeLessThan(4_000);
  expect(run.stderr).not.toContain('SECRETTOKEN123');
  expect(run.stderr).not.toContain('83,69,67,82');
});
