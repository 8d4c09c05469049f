/**
 * The running collector inside a server: ships metrics beside the server's own work, and flushes on demand.
 *
 *     npx tsx examples/server.ts /var/lib/microsandbox http://localhost:4317 8081
 *     curl -X POST http://localhost:8081/flush
 */
import { createServer } from 'node:http';
import { otlpSink, startCollector } from 'msb-metrics';

const [msbHome = `${process.env.HOME}/.microsandbox`, endpoint = 'http://localhost:4317', port = '8081'] =
  process.argv.slice(2);

const collector = startCollector({
  msbHome,
  sinks: { otlp: (flush$) => otlpSink({ endpoint, flush$, resource: { 'service.name': 'sandbox-server' } }) },
});
collector.events$.subscribe((event) => {
  if (event.type === 'delivery' && event.event.type === 'failed') {
    console.error(`metrics: ${event.event.error.message}`);
  }
});

const server = createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/flush') {
    try {
      await collector.flush();
      response.end('flushed\n');
    } catch (error) {
      response.writeHead(503).end(`${(error as Error).message}\n`);
    }
  } else {
    response.end('hello\n');
  }
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on ${typeof address === 'object' ? address?.port : address}`);
});

process.once('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  try {
    await collector.shutdown();
    console.log('metrics drained');
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
});
