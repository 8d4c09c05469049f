import { chmodSync } from 'node:fs';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RegistryError, sandboxMetricProducer } from '../../../src/index.js';
import { tenant, testHome, testRegistry } from '../../support/home.js';

class PullReader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

const producerOf = (options: Parameters<typeof sandboxMetricProducer>[0]) => {
  const producer = sandboxMetricProducer(options);
  onTestFinished(() => producer.close());
  return producer;
};

describe('a producer of the metrics of sandboxes', () => {
  it("puts the newest sample of each sandbox beside an application's own instruments, changed or not", async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const sampledAtMillis = Date.now() - 1_234;
    registry.sample(registry.start(tenant()), { sampledAtMillis, memoryUsedBytes: 77, cpuPercent: 50 });
    const reader = new PullReader({
      metricProducers: [producerOf({ msbHome, collectIntervalMillis: 1, emitPid: true })],
    });
    const provider = new MeterProvider({ readers: [reader] });
    provider.getMeter('app').createCounter('app.jobs').add(3);
    for (let round = 0; round < 2; round++) {
      const { resourceMetrics, errors } = await reader.collect();
      expect(errors).toEqual([]);
      expect(resourceMetrics.scopeMetrics.map(({ scope }) => scope.name)).toEqual([
        'app',
        'microsandbox-metrics-collector',
      ]);
      const metrics = resourceMetrics.scopeMetrics[1].metrics;
      const memory = metrics.find(({ descriptor }) => descriptor.name === 'microsandbox.memory.usage');
      expect(memory?.descriptor.unit).toBe('By');
      expect(memory?.dataPoints).toEqual([
        {
          startTime: [0, 0],
          endTime: [Math.floor(sampledAtMillis / 1_000), (sampledAtMillis % 1_000) * 1_000_000],
          attributes: { 'sandbox.name': 'devbox', 'sandbox.id': 33, 'sandbox.pid': process.pid },
          value: 77,
        },
      ]);
    }
    await provider.shutdown();
  });

  it('never rejects: what cannot be read is among the errors, and costs the instruments nothing', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    chmodSync(`/dev/shm${registry.name}`, 0o666);
    const reader = new PullReader({ metricProducers: [producerOf({ msbHome })] });
    const provider = new MeterProvider({ readers: [reader] });
    provider.getMeter('app').createCounter('app.jobs').add(3);
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([expect.any(RegistryError)]);
    expect(String(errors[0])).toContain('may write to it');
    expect(resourceMetrics.scopeMetrics[0].metrics[0].descriptor.name).toBe('app.jobs');
    await provider.shutdown();
  });

  it('is empty without a registry, without an error', async () => {
    const { resourceMetrics, errors } = await producerOf({ msbHome: testHome() }).collect();
    expect(errors).toEqual([]);
    expect(resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)).toEqual([]);
  });

  it('refuses options out of their range, when called', () => {
    expect(() => sandboxMetricProducer({ msbHome: '' })).toThrowError(RangeError);
    expect(() => sandboxMetricProducer({ msbHome: '/x', collectIntervalMillis: 0 })).toThrowError(RangeError);
  });
});
