import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Collection } from '../../src/shm/collection.js';
import { COLUMN } from '../../src/shm/columns.js';
import { SANDBOX_METRICS } from '../../src/sinks/otlp/encoding/metrics.js';

/** The data of a batch in the words of the OpenTelemetry SDK, for its serialiser. */
export function sdkMetrics(
  batch: readonly Collection[],
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): ResourceMetrics {
  return {
    resource: resourceFromAttributes(resource),
    scopeMetrics: [
      {
        scope,
        metrics: SANDBOX_METRICS.map((metric) => ({
          descriptor: {
            name: metric.name,
            description: metric.description,
            unit: metric.unit,
            valueType: metric.type === 'int' ? 0 : 1,
            advice: {},
          },
          aggregationTemporality: AggregationTemporality.CUMULATIVE,
          dataPointType: DataPointType.GAUGE,
          dataPoints: batch.flatMap((collection) =>
            collection.runs.flatMap((run, row) => {
              const value = collection.value(row, metric.column);
              const millis = collection.value(row, COLUMN.sampledAtMillis);
              const time: [number, number] = [Math.floor(millis / 1000), (millis % 1000) * 1_000_000];
              return Number.isNaN(value)
                ? []
                : [
                    {
                      startTime: [0, 0] as [number, number],
                      endTime: time,
                      attributes: { 'sandbox.name': run.name, 'sandbox.id': run.sandboxId },
                      value: metric.derive === undefined ? value : metric.derive(run, value),
                    },
                  ];
            }),
          ),
        })),
      },
    ],
  };
}
