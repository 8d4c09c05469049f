/**
 * An application with instruments of its own: they and the sandboxes leave through one reader and one exporter.
 *
 *     npx tsx examples/meter-provider.ts /var/lib/microsandbox http://localhost:4318/v1/metrics 10
 */

import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { sandboxMetricProducer } from 'msb-metrics';

const [
  msbHome = `${process.env.HOME}/.microsandbox`,
  url = 'http://localhost:4318/v1/metrics',
  seconds = '10',
] = process.argv.slice(2);

const sandboxes = sandboxMetricProducer({ msbHome });
const intervalMillis = Number(seconds) * 1_000;
const meterProvider = new MeterProvider({
  resource: resourceFromAttributes({ 'service.name': 'my-platform' }),
  readers: [
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter({ url }),
      exportIntervalMillis: intervalMillis,
      exportTimeoutMillis: intervalMillis,
      metricProducers: [sandboxes],
    }),
  ],
});

const jobs = meterProvider.getMeter('my-platform').createCounter('platform.jobs', { unit: '{job}' });
const work = setInterval(() => jobs.add(1), 100);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    clearInterval(work);
    await meterProvider.shutdown();
    sandboxes.close();
    console.log('stopped');
  });
}
console.log('running');
