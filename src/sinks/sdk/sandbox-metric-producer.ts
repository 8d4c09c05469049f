import type { Attributes } from '@opentelemetry/api';
import type { CollectionResult, MetricProducer } from '@opentelemetry/sdk-metrics';
import { firstValueFrom } from 'rxjs';
import type { Collection, SandboxRun } from '../../shm/collection.js';
import { RegistryError } from '../../shm/registry-status.js';
import { asError } from '../../streams/as-error.js';
import type { CollectionsOptions } from '../../streams/collections.js';
import { newestCollection } from '../../streams/newest-collection.js';
import type { AttributeOptions } from '../otlp/encoding/attributes.js';

/** Options of {@link sandboxMetricProducer}. */
export interface SandboxMetricProducerOptions extends CollectionsOptions, AttributeOptions {}

/** A producer of the metrics of sandboxes. */
export interface SandboxMetricProducer extends MetricProducer {
  /** Closes the registries. */
  close(): void;
}

/**
 * A `MetricProducer` for a reader of an application's own MeterProvider: the application's instruments and the sandboxes
 * leave together.
 *
 *     new PeriodicExportingMetricReader({ exporter, metricProducers: [sandboxMetricProducer({ msbHome })] })
 *
 * Each collection has the newest sample of every sandbox that runs, changed or not, with its own time, and with the names,
 * units and attributes of `otlpSink`. The resource is the application's. Readers that collect at once share one reading: there
 * is at most one a collect interval. A collection never rejects: registries that cannot be read are among its `errors`.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function sandboxMetricProducer(options: SandboxMetricProducerOptions): SandboxMetricProducer {
  const { newest$, close } = newestCollection(options);
  let attributesOf: ((run: SandboxRun) => Attributes) | undefined;
  return {
    async collect(): Promise<CollectionResult> {
      try {
        const words = await import('./resource-metrics.js');
        attributesOf ??= words.attributesOfRuns(options);
        const collection = await firstValueFrom(newest$);
        const metrics = words
          .sandboxMetrics([collection], attributesOf)
          .filter(({ dataPoints }) => dataPoints.length > 0);
        return {
          resourceMetrics: { resource: words.NO_RESOURCE, scopeMetrics: [words.scopeOf(metrics)] },
          errors: problemsOf(collection),
        };
      } catch (error) {
        return {
          resourceMetrics: { resource: undefined as never, scopeMetrics: [] },
          errors: [asError(error)],
        };
      }
    },
    close,
  };
}

function problemsOf({ registries }: Collection): RegistryError[] {
  return registries.filter(({ message }) => message !== '').map((status) => new RegistryError(status));
}
