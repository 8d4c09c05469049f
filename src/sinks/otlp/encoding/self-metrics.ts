import type { DeliveryTotals } from '../../../streams/exporter.js';
import { fixed64, lengthDelimited, varint, Writer } from './protobuf.js';
import { unixNanos } from './unix-nanos.js';

const AGGREGATION_TEMPORALITY_CUMULATIVE = 2;

/** A metric of the sidecar itself. */
export interface OwnMetric {
  readonly name: string;
  readonly description: string;
  /** UCUM, as OpenTelemetry has it. */
  readonly unit: string;
  /** `undefined` makes no point. */
  readonly value: (totals: DeliveryTotals) => number | undefined;
}

/** The sidecar's own counters: cumulative, monotonic, integers, at 0 from the first export on. */
export const OWN_COUNTERS: readonly OwnMetric[] = [
  {
    name: 'microsandbox.collector.exports.success',
    description: 'Successful OTLP exports since process start.',
    unit: '{export}',
    value: (totals) => totals.exportsSucceeded,
  },
  {
    name: 'microsandbox.collector.exports.failure',
    description: 'Failed OTLP exports since process start: timeouts, transport errors, refusals.',
    unit: '{export}',
    value: (totals) => totals.exportsFailed,
  },
  {
    name: 'microsandbox.collector.collections.dropped',
    description: 'Collections evicted from the buffer because it was full.',
    unit: '{collection}',
    value: (totals) => totals.dropped,
  },
  {
    name: 'microsandbox.collector.collections.rejected',
    description: 'Collections given up because the backend refused their data.',
    unit: '{collection}',
    value: (totals) => totals.rejected,
  },
  {
    name: 'microsandbox.collector.points.rejected',
    description:
      'Data points that the backend refused while the rest of their request or collection went through.',
    unit: '{data_point}',
    value: (totals) => totals.rejectedPoints,
  },
];

/** The sidecar's own gauge, a double. It has no point before there was a success. */
export const LAST_SUCCESS: OwnMetric = {
  name: 'microsandbox.collector.last_success_timestamp',
  description: 'Unix time of the last successful export.',
  unit: 's',
  value: ({ lastSuccessAtMillis: millis }) => (millis === undefined ? undefined : millis / 1000),
};

function writeTime(writer: Writer, field: number, millis: number): void {
  const { low, high } = unixNanos(Math.floor(millis));
  writer.uint32(fixed64(field)).fixed64({ low, high, unsigned: true } as never);
}

function writeDescriptor(writer: Writer, { name, description, unit }: OwnMetric): void {
  writer.uint32(lengthDelimited(1)).string(name);
  writer.uint32(lengthDelimited(2)).string(description);
  writer.uint32(lengthDelimited(3)).string(unit);
}

/**
 * The sidecar's own metrics, as the `metrics` of an OTLP ScopeMetrics, serialised.
 *
 * @param startedAtMillis start of the counters, Unix ms
 * @param nowMillis Unix ms
 */
export function encodeSelfMetrics(
  totals: DeliveryTotals,
  startedAtMillis: number,
  nowMillis: number,
): Uint8Array {
  const writer = Writer.create();
  for (const counter of OWN_COUNTERS) {
    writer.uint32(lengthDelimited(2)).fork();
    writeDescriptor(writer, counter);
    writer.uint32(lengthDelimited(7)).fork();
    writer.uint32(lengthDelimited(1)).fork();
    writeTime(writer, 2, startedAtMillis);
    writeTime(writer, 3, nowMillis);
    writer.uint32(fixed64(6)).sfixed64(counter.value(totals) ?? 0);
    writer.ldelim();
    writer.uint32(varint(2)).int32(AGGREGATION_TEMPORALITY_CUMULATIVE);
    writer.uint32(varint(3)).bool(true);
    writer.ldelim();
    writer.ldelim();
  }
  const lastSuccess = LAST_SUCCESS.value(totals);
  if (lastSuccess !== undefined) {
    writer.uint32(lengthDelimited(2)).fork();
    writeDescriptor(writer, LAST_SUCCESS);
    writer.uint32(lengthDelimited(5)).fork();
    writer.uint32(lengthDelimited(1)).fork();
    writeTime(writer, 3, nowMillis);
    writer.uint32(fixed64(4)).double(lastSuccess);
    writer.ldelim();
    writer.ldelim();
    writer.ldelim();
  }
  return writer.finish();
}
