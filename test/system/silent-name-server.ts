/**
 * Runs the sidecar with a name server that never answers, stops it, and prints how long that took as JSON. Run it in
 * namespaces whose /etc/resolv.conf names 127.0.0.1.
 *
 *     silent-name-server.ts <protocol> <signals> [flag ...]
 */
import { createSocket } from 'node:dgram';
import { CLI, start, until } from './namespaces.js';

const [protocol, signals, ...flags] = process.argv.slice(2);
let asked = 0;
const server = createSocket('udp4', () => {
  asked++;
});
await new Promise<void>((resolve) => server.bind(53, '127.0.0.1', resolve));

const run = start(process.execPath, [
  CLI,
  'otel',
  '--msb-home=/nonexistent/msb-metrics-silent',
  `--endpoint=http://silent.example:4317${protocol === 'http' ? '/v1/metrics' : ''}`,
  `--protocol=${protocol}`,
  '--collect-interval=50ms',
  '--flush-interval=50ms',
  '--export-timeout=1s',
  ...flags,
]);
await until(() => asked > 0, 'a question');
const begin = Date.now();
run.child.kill('SIGTERM');
if (signals === '2') {
  await until(() => run.output().includes('SIGTERM: draining'), 'the first signal');
  run.child.kill('SIGTERM');
}
const { code } = await run.exit;
console.log(JSON.stringify({ code, millis: Date.now() - begin, output: run.output() }));
server.close();
