import type { Collection } from '../../../shm/collection.js';
import { COLUMN, ROW_WIDTH } from '../../../shm/columns.js';
import type { DeliveryTotals } from '../../../streams/exporter.js';
import { growingTime } from '../growing-time.js';
import { type AttributeOptions, RunAttributes, writeAttribute } from './attributes.js';
import { SANDBOX_METRICS, type SandboxMetric } from './metrics.js';
import { fixed64, lengthDelimited, varintBytes, Writer } from './protobuf.js';
import { encodeSelfMetrics } from './self-metrics.js';
import { unixNanos } from './unix-nanos.js';

/** The instrumentation scope of all metrics. */
export const SCOPE_NAME = 'microsandbox-metrics-collector';

/** What every request of a sink has in common. */
export interface RequestOptions extends AttributeOptions {
  /** Resource attributes, as they are sent. */
  readonly resource: Readonly<Record<string, string>>;
  /** Version of the scope: that of this package. */
  readonly scopeVersion: string;
  /** Start of the sidecar's own counters, Unix ms. */
  readonly startedAtMillis: number;
}

/** Bytes of a point apart from its attributes: its time and its value, each a tag and 8 bytes. */
const TIME_AND_VALUE_BYTES = 18;

const METRIC = lengthDelimited(2);
const GAUGE = lengthDelimited(5);
const DATA_POINT = lengthDelimited(1);
const TIME = fixed64(3);
const AS_DOUBLE = fixed64(4);
const AS_INT = fixed64(6);

const TWO_TO_THE_32 = 2 ** 32;

/** An upper bound for the tags and lengths around one metric's points: two tags and two lengths of up to five bytes. */
const METRIC_ENVELOPE_BYTES = 12;

/**
 * Writes OTLP ExportMetricsServiceRequests straight from the columns of collections: a point is a few stores and a
 * copy of its run's attributes, which are serialised once a run. A point has the time of its sample.
 *
 * Layout: opentelemetry/proto/metrics/v1/metrics.proto of opentelemetry-proto 1.7.
 */
export class RequestEncoder {
  readonly #attributes: RunAttributes;
  readonly #startedAtMillis: number;
  readonly #resource: Uint8Array;
  readonly #scope: Uint8Array;
  readonly #descriptors: readonly Uint8Array[];
  readonly #timeOf: (nowMillis: number) => number;
  /** The collection that was asked for last: parts of it are asked for row by row. */
  #measured: { readonly collection: Collection; readonly bytesBefore: Uint32Array } | undefined;

  constructor(options: RequestOptions) {
    this.#attributes = new RunAttributes(options);
    this.#startedAtMillis = options.startedAtMillis;
    this.#timeOf = growingTime(options.startedAtMillis);
    this.#resource = encodeResource(options.resource);
    this.#scope = encodeScope(options.scopeVersion);
    this.#descriptors = SANDBOX_METRICS.map(encodeDescriptor);
  }

  /**
   * The bytes of a request without its sandboxes' points, or a few more: an upper bound.
   */
  envelopeBytes(totals: DeliveryTotals): number {
    const self = encodeSelfMetrics(totals, this.#startedAtMillis, 0).length;
    const descriptors = this.#descriptors.reduce((sum, each) => sum + each.length + METRIC_ENVELOPE_BYTES, 0);
    return this.#resource.length + this.#scope.length + self + descriptors + 2 * METRIC_ENVELOPE_BYTES;
  }

  /** Bytes that the points of the rows from `from` to before `to` take. */
  pointsBytes(collection: Collection, from = 0, to = collection.size): number {
    if (this.#measured?.collection !== collection) {
      this.#measured = { collection, bytesBefore: this.#bytesBefore(collection) };
    }
    const { bytesBefore } = this.#measured;
    return bytesBefore[to] - bytesBefore[from];
  }

  /** Bytes that the points of all rows before a row take, for each row and for the end. */
  #bytesBefore({ runs, rows, size }: Collection): Uint32Array {
    const attributes = this.#attributes.of(runs);
    const bytesBefore = new Uint32Array(size + 1);
    for (let row = 0; row < size; row++) {
      let points = 0;
      for (const { column } of SANDBOX_METRICS) {
        points += Number.isNaN(rows[row * ROW_WIDTH + column]) ? 0 : 1;
      }
      bytesBefore[row + 1] = bytesBefore[row] + points * pointBytes(attributes[row]);
    }
    return bytesBefore;
  }

  /** Data points that a collection makes. */
  pointCount(collection: Collection): number {
    let points = 0;
    for (let row = 0; row < collection.size; row++) {
      points += SANDBOX_METRICS.filter(({ column }) => !Number.isNaN(collection.value(row, column))).length;
    }
    return points;
  }

  /**
   * One request with all points of a batch, and the sidecar's own metrics.
   *
   * The times of the own metrics always grow: see {@link growingTime}.
   *
   * @param own the totals for the sidecar's own metrics, and the time, Unix ms; `undefined` leaves them out
   * @param spare a buffer to write it into, if it is large enough. Default: a new one.
   */
  encode(
    batch: readonly Collection[],
    own: { readonly totals: DeliveryTotals; readonly nowMillis: number } | undefined,
    spare?: Buffer,
  ): Buffer {
    const table = new PointTable(batch, this.#attributes);
    const self =
      own === undefined
        ? NOTHING
        : encodeSelfMetrics(own.totals, this.#startedAtMillis, this.#timeOf(own.nowMillis));
    const metrics = SANDBOX_METRICS.map((metric, index) => {
      const pointsLength = table.bytesOf(metric);
      return { metric, pointsLength, length: this.#descriptors[index].length + fieldBytes(pointsLength) };
    }).filter(({ pointsLength }) => pointsLength > 0);
    const scopeMetricsLength =
      this.#scope.length + metrics.reduce((sum, { length }) => sum + fieldBytes(length), 0) + self.length;
    const resourceMetricsLength = this.#resource.length + fieldBytes(scopeMetricsLength);

    const out = new RequestBuffer(fieldBytes(resourceMetricsLength), spare);
    out.field(lengthDelimited(1), resourceMetricsLength);
    out.bytes(this.#resource);
    out.field(lengthDelimited(2), scopeMetricsLength);
    out.bytes(this.#scope);
    for (const { metric, pointsLength, length } of metrics) {
      out.field(METRIC, length);
      out.bytes(this.#descriptors[SANDBOX_METRICS.indexOf(metric)]);
      out.field(GAUGE, pointsLength);
      table.write(metric, out);
    }
    out.bytes(self);
    return out.finish();
  }
}

const NOTHING = new Uint8Array();

/** Bytes of a length-delimited field with a one-byte tag. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function pointBytes(attributes: Uint8Array): number {
  return fieldBytes(TIME_AND_VALUE_BYTES + attributes.length);
}

/** The rows of a batch with what all of a row's points share. */
class PointTable {
  readonly #batch: readonly Collection[];
  readonly #attributes: Uint8Array[] = [];
  /** Bytes of a point of each row. */
  readonly #pointBytes: Uint32Array;
  readonly #timeLow: Uint32Array;
  readonly #timeHigh: Uint32Array;

  constructor(batch: readonly Collection[], attributes: RunAttributes) {
    const rows = batch.reduce((sum, collection) => sum + collection.size, 0);
    this.#batch = batch;
    this.#pointBytes = new Uint32Array(rows);
    this.#timeLow = new Uint32Array(rows);
    this.#timeHigh = new Uint32Array(rows);
    for (const collection of batch) {
      const encoded = attributes.of(collection.runs);
      for (let row = 0; row < collection.size; row++) {
        const time = unixNanos(collection.value(row, COLUMN.sampledAtMillis));
        this.#timeLow[this.#attributes.length] = time.low;
        this.#timeHigh[this.#attributes.length] = time.high;
        this.#pointBytes[this.#attributes.length] = pointBytes(encoded[row]);
        this.#attributes.push(encoded[row]);
      }
    }
  }

  /** Bytes of all points of a metric. */
  bytesOf(metric: SandboxMetric): number {
    let bytes = 0;
    let index = 0;
    for (const { rows, size } of this.#batch) {
      for (let row = 0; row < size; row++, index++) {
        bytes += Number.isNaN(rows[row * ROW_WIDTH + metric.column]) ? 0 : this.#pointBytes[index];
      }
    }
    return bytes;
  }

  /** Writes all points of a metric, each sandbox's in the order of its samples. */
  write(metric: SandboxMetric, out: RequestBuffer): void {
    const isInt = metric.type === 'int';
    let index = 0;
    for (const { rows, runs, size } of this.#batch) {
      for (let row = 0; row < size; row++, index++) {
        const value = rows[row * ROW_WIDTH + metric.column];
        if (!Number.isNaN(value)) {
          const point = metric.derive === undefined ? value : metric.derive(runs[row], value);
          const attributes = this.#attributes[index];
          out.field(DATA_POINT, TIME_AND_VALUE_BYTES + attributes.length);
          out.fixed64(TIME, this.#timeLow[index], this.#timeHigh[index]);
          if (isInt) {
            out.fixed64(AS_INT, point % TWO_TO_THE_32, Math.floor(point / TWO_TO_THE_32));
          } else {
            out.double(AS_DOUBLE, point);
          }
          out.bytes(attributes);
        }
      }
    }
  }
}

/** The next request is about as long, and should fit in the same buffer. Memory that is not written to costs nothing. */
const ROOM_TO_GROW = 1.125;

/** A buffer of a length known beforehand, written from front to back. */
class RequestBuffer {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number, spare: Buffer | undefined) {
    this.#buffer = (
      spare !== undefined && spare.length >= length
        ? spare
        : Buffer.allocUnsafeSlow(Math.ceil(length * ROOM_TO_GROW))
    ).subarray(0, length);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, length);
  }

  /** A tag and the length of what follows, less than 2^32. */
  field(tag: number, length: number): void {
    this.#buffer[this.#at++] = tag;
    let rest = length;
    while (rest >= 128) {
      this.#buffer[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  fixed64(tag: number, low: number, high: number): void {
    this.#buffer[this.#at] = tag;
    this.#view.setUint32(this.#at + 1, low, true);
    this.#view.setUint32(this.#at + 5, high, true);
    this.#at += 9;
  }

  double(tag: number, value: number): void {
    this.#buffer[this.#at] = tag;
    this.#view.setFloat64(this.#at + 1, value, true);
    this.#at += 9;
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The buffer; an error here is a miscalculated length. */
  finish(): Buffer {
    if (this.#at !== this.#buffer.length) {
      throw new Error(`OTLP request of ${this.#at} bytes in a buffer of ${this.#buffer.length}`);
    }
    return this.#buffer;
  }
}

function encodeResource(attributes: Readonly<Record<string, string>>): Uint8Array {
  const writer = Writer.create();
  writer.uint32(lengthDelimited(1)).fork();
  for (const [key, value] of Object.entries(attributes)) {
    writeAttribute(writer, 1, key, value);
  }
  return writer.ldelim().finish();
}

function encodeScope(version: string): Uint8Array {
  const writer = Writer.create();
  writer.uint32(lengthDelimited(1)).fork();
  writer.uint32(lengthDelimited(1)).string(SCOPE_NAME);
  writer.uint32(lengthDelimited(2)).string(version);
  return writer.ldelim().finish();
}

function encodeDescriptor(metric: SandboxMetric): Uint8Array {
  const writer = Writer.create();
  writer.uint32(lengthDelimited(1)).string(metric.name);
  writer.uint32(lengthDelimited(2)).string(metric.description);
  writer.uint32(lengthDelimited(3)).string(metric.unit);
  return writer.finish();
}
