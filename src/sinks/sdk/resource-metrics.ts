import type { Attributes, HrTime } from '@opentelemetry/api';
import { emptyResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Collection, SandboxRun } from '../../shm/collection.js';
import { COLUMN } from '../../shm/columns.js';
import { VERSION } from '../../version.js';
import { onceARun } from '../once-a-run.js';
import { type AttributeOptions, runAttributes } from '../otlp/encoding/attributes.js';
import { SANDBOX_METRICS, type SandboxMetric } from '../otlp/encoding/metrics.js';
import { SCOPE_NAME } from '../otlp/encoding/request.js';
import { LAST_SUCCESS, OWN_COUNTERS, type OwnMetric } from '../otlp/encoding/self-metrics.js';
import { growingTime } from '../otlp/growing-time.js';
import type { MetricsBatch } from './metrics-batch.js';

/** How metrics are put into the words of the OpenTelemetry SDK. */
export interface ResourceMetricsOptions extends AttributeOptions {
  readonly resource: Readonly<Record<string, string>>;
  /** Start of the sidecar's own counters, Unix ms. */
  readonly startedAtMillis: number;
}

/**
 * Puts batches into the words of the OpenTelemetry SDK: the same names, units, attributes and times as our own encoder
 * writes. The times of the sidecar's own metrics always grow.
 */
export function resourceMetricsBuilder(
  options: ResourceMetricsOptions,
): (batch: MetricsBatch) => ResourceMetrics {
  const resource = resourceFromAttributes(options.resource);
  const attributesOf = attributesOfRuns(options);
  const timeOf = growingTime(options.startedAtMillis);
  return ({ collections, own }) => {
    const metrics = sandboxMetrics(collections, attributesOf);
    if (own !== undefined) {
      const times = { startTime: hrTime(options.startedAtMillis), endTime: hrTime(timeOf(own.nowMillis)) };
      const dataPoint = (metric: OwnMetric): DataPoint<number>[] => {
        const value = metric.value(own.totals);
        return value === undefined ? [] : [{ ...times, attributes: {}, value }];
      };
      metrics.push(
        ...OWN_COUNTERS.map((metric): MetricData => counter(metric, dataPoint(metric))),
        gauge({ ...LAST_SUCCESS, type: 'double' }, dataPoint(LAST_SUCCESS)),
      );
    }
    return {
      resource,
      scopeMetrics: [scopeOf(metrics.filter(({ dataPoints }) => dataPoints.length > 0))],
    };
  };
}

/** For those whose reader has a resource of its own. */
export const NO_RESOURCE = emptyResource();

/** The scope of all metrics, with these. */
export const scopeOf = (metrics: MetricData[]): ScopeMetrics => ({
  scope: { name: SCOPE_NAME, version: VERSION },
  metrics,
});

/** The attributes of a run's points, made once a run. */
export function attributesOfRuns(options: AttributeOptions): (run: SandboxRun) => Attributes {
  return onceARun((run) => {
    const { identity, labels } = runAttributes(run, options);
    return Object.fromEntries([...identity, ...labels]);
  });
}

/** The per-sandbox metrics of collections: a point for each sample and known value, with the sample's own time. */
export function sandboxMetrics(
  collections: readonly Collection[],
  attributesOf: (run: SandboxRun) => Attributes,
): MetricData[] {
  return SANDBOX_METRICS.map((metric) =>
    gauge(
      metric,
      collections.flatMap((collection) => pointsOf(collection, metric, attributesOf)),
    ),
  );
}

function pointsOf(
  collection: Collection,
  metric: SandboxMetric,
  attributesOf: (run: SandboxRun) => Attributes,
): DataPoint<number>[] {
  const points: DataPoint<number>[] = [];
  collection.runs.forEach((run, row) => {
    const value = collection.value(row, metric.column);
    if (!Number.isNaN(value)) {
      const time = hrTime(collection.value(row, COLUMN.sampledAtMillis));
      points.push({
        startTime: NO_START,
        endTime: time,
        attributes: attributesOf(run),
        value: metric.derive === undefined ? value : metric.derive(run, value),
      });
    }
  });
  return points;
}

/** A gauge in the words of the SDK. */
export function gauge(
  { name, description, unit, type }: Pick<SandboxMetric, 'name' | 'description' | 'unit' | 'type'>,
  dataPoints: DataPoint<number>[],
): MetricData {
  return {
    descriptor: { name, description, unit, valueType: type === 'int' ? INT : DOUBLE, advice: {} },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.GAUGE,
    dataPoints,
  } as MetricData;
}

/** A counter in the words of the SDK. */
export function counter(
  { name, description, unit }: Pick<OwnMetric, 'name' | 'description' | 'unit'>,
  dataPoints: DataPoint<number>[],
): MetricData {
  return {
    descriptor: { name, description, unit, valueType: INT, advice: {} },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints,
  } as MetricData;
}

/** `ValueType` of @opentelemetry/api. */
const INT = 0;
const DOUBLE = 1;

/** A gauge has none. */
const NO_START: HrTime = [0, 0];

function hrTime(millis: number): HrTime {
  return [Math.floor(millis / 1_000), (millis % 1_000) * 1_000_000];
}
