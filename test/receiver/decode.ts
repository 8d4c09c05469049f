// The message classes that OpenTelemetry generates from its own protocol definitions (opentelemetry-proto 1.7).
import root from 'otlp-messages/build/src/generated/root.js';

/** A data point as it arrived, with all that it belongs to. */
export interface Point {
  readonly metric: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum';
  readonly isMonotonic: boolean;
  readonly temporality: number;
  readonly type: 'int' | 'double';
  readonly value: number;
  /** Unix ns. */
  readonly timeNanos: bigint;
  /** Unix ns; 0 if it has none. */
  readonly startNanos: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
  readonly scope: { readonly name: string; readonly version: string };
}

type Long = { toString(): string };

interface AnyKeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: Long };
}

interface NumberDataPoint {
  readonly attributes: readonly AnyKeyValue[];
  readonly timeUnixNano: Long;
  readonly startTimeUnixNano: Long;
  readonly asInt: Long;
  readonly asDouble: number;
}

interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly gauge: { readonly dataPoints: readonly NumberDataPoint[] } | null;
  readonly sum: {
    readonly dataPoints: readonly NumberDataPoint[];
    readonly aggregationTemporality: number;
    readonly isMonotonic: boolean;
  } | null;
}

interface ExportRequest {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly AnyKeyValue[] } | null;
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly metrics: readonly Metric[];
    }[];
  }[];
}

interface MessageType<T> {
  decode(bytes: Uint8Array): T;
  encode(message: object): { finish(): Uint8Array };
}

const messages = root as unknown as {
  opentelemetry: {
    proto: {
      collector: {
        metrics: {
          v1: {
            ExportMetricsServiceRequest: MessageType<ExportRequest>;
            ExportMetricsServiceResponse: MessageType<object>;
          };
        };
      };
    };
  };
};
const { ExportMetricsServiceRequest: Request, ExportMetricsServiceResponse: Response } =
  messages.opentelemetry.proto.collector.metrics.v1;

const long = (value: Long | null | undefined): bigint => BigInt(value?.toString() ?? 0);

function attributes(keyValues: readonly AnyKeyValue[]): Record<string, string | number> {
  return Object.fromEntries(
    keyValues.map(({ key, value }) => [
      key,
      Object.hasOwn(value, 'stringValue') ? String(value.stringValue) : Number(long(value.intValue)),
    ]),
  );
}

/** All points of a serialised ExportMetricsServiceRequest, in their order. */
export function decodeRequest(bytes: Uint8Array): Point[] {
  const points: Point[] = [];
  for (const resourceMetrics of Request.decode(bytes).resourceMetrics) {
    const resource = attributes(resourceMetrics.resource?.attributes ?? []);
    for (const { scope, metrics } of resourceMetrics.scopeMetrics) {
      for (const metric of metrics) {
        for (const point of (metric.gauge ?? metric.sum)?.dataPoints ?? []) {
          const isInt = Object.hasOwn(point, 'asInt');
          points.push({
            metric: metric.name,
            description: metric.description,
            unit: metric.unit,
            kind: metric.gauge ? 'gauge' : 'sum',
            isMonotonic: metric.sum?.isMonotonic ?? false,
            temporality: metric.sum?.aggregationTemporality ?? 0,
            type: isInt ? 'int' : 'double',
            value: isInt ? Number(long(point.asInt)) : point.asDouble,
            timeNanos: long(point.timeUnixNano),
            startNanos: long(point.startTimeUnixNano),
            attributes: attributes(point.attributes),
            resource,
            scope: { name: scope.name, version: scope.version },
          });
        }
      }
    }
  }
  return points;
}

/** A serialised ExportMetricsServiceResponse. */
export function encodeResponse(partial?: { rejectedDataPoints: number; errorMessage: string }): Buffer {
  const message = partial === undefined ? {} : { partialSuccess: partial };
  return Buffer.from(Response.encode(message).finish());
}
