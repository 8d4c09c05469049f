import type { DeliveryTotals } from '../../../streams/exporter.js';
import { fixed64, lengthDelimited, varint, Writer } from './protobuf.js';
import { unixNanos } from './unix-nanos.js';

const AGGREGATION_TEMPORALITY_CUMULATIVE = 2;

interface Counter {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly value: (totals: DeliveryTotals) => number;
}

/** The sidecar's own counters: cumulative, monotonic, at 0 from the first export on. */
const COUNTERS: readonly Counter[] = [
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

function writeTime(writer: Writer, field: number, millis: number): void {
  const { low, high } = unixNanos(Math.floor(millis));
  writer.uint32(fixed64(field)).fixed64({ low, high, unsigned: true } as never);
}

function writeDescriptor(writer: Writer, name: string, description: string, unit: string): void {
  writer.uint32(lengthDelimited(1)).string(name);
  writer.uint32(lengthDelimited(2)).string(description);
  writer.uint32(lengthDelimited(3)).string(unit);
}

/**
 * The sidecar's own metrics, as the `metrics` of an OTLP ScopeMetrics, serialised. The gauge of the last success
 * has no point before there was one.
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
  for (const counter of COUNTERS) {
    writer.uint32(lengthDelimited(2)).fork();
    writeDescriptor(writer, counter.name, counter.description, counter.unit);
    writer.uint32(lengthDelimited(7)).fork();
    writer.uint32(lengthDelimited(1)).fork();
    writeTime(writer, 2, startedAtMillis);
    writeTime(writer, 3, nowMillis);
    writer.uint32(fixed64(6)).sfixed64(counter.value(totals));
    writer.ldelim();
    writer.uint32(varint(2)).int32(AGGREGATION_TEMPORALITY_CUMULATIVE);
    writer.uint32(varint(3)).bool(true);
    writer.ldelim();
    writer.ldelim();
  }
  if (totals.lastSuccessAtMillis !== undefined) {
    writer.uint32(lengthDelimited(2)).fork();
    writeDescriptor(
      writer,
      'microsandbox.collector.last_success_timestamp',
      'Unix time of the last successful export.',
      's',
    );
    writer.uint32(lengthDelimited(5)).fork();
    writer.uint32(lengthDelimited(1)).fork();
    writeTime(writer, 3, nowMillis);
    writer.uint32(fixed64(4)).double(totals.lastSuccessAtMillis / 1000);
    writer.ldelim();
    writer.ldelim();
    writer.ldelim();
  }
  return writer.finish();
}
