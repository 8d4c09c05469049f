/**
 * msb-metrics as a library: observables of the metrics of microsandbox's sandboxes, operators that buffer, pace and
 * retry their delivery, sinks for OTLP and stdout, and a running collector for programs without streams.
 */

export type { LabelOptions } from './catalog/catalog.js';
export {
  type CollectorEvent,
  type CollectorOptions,
  LostCollectionsError,
  type RunningCollector,
  startCollector,
} from './collector.js';
export {
  DEFAULT_COLLECT_INTERVAL_MILLIS,
  DEFAULT_MAX_SAMPLE_AGE_MILLIS,
  DEFAULT_STDOUT_EXPORT_TIMEOUT_MILLIS,
  DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS,
  DELIVERY_DEFAULTS,
} from './defaults.js';
export { MAX_DELAY_MILLIS } from './options.js';
export type { CatalogState, CatalogStatus } from './shm/catalog-status.js';
export { Collection, type Labels, type SandboxRun, type Snapshot } from './shm/collection.js';
export { COLUMN, ROW_WIDTH } from './shm/columns.js';
export { type FoundHome, findRegistries, homeHash } from './shm/other-registries.js';
export { userIdOf } from './shm/owner.js';
export { UnsupportedSystemError } from './shm/posix.js';
export { type ReadOptions, readRegistry } from './shm/read-collection.js';
export { registryName } from './shm/registry-name.js';
export { RegistryError, type RegistryState, type RegistryStatus } from './shm/registry-status.js';
export { NO_SKIPPED_ROWS, type SkippedRows, sumOfSkipped, totalSkipped } from './shm/skipped-rows.js';
export type { AttributeOptions } from './sinks/otlp/encoding/attributes.js';
export { type OtlpResourceOptions, type OtlpSinkOptions, otlpSink } from './sinks/otlp/otlp-sink.js';
export type { CredentialOptions, Renewable } from './sinks/otlp/transport/credentials.js';
export { type OtlpProtocol, parseEndpoint } from './sinks/otlp/transport/endpoint.js';
export { ExportError } from './sinks/otlp/transport/export-error.js';
export { headerProblem } from './sinks/otlp/transport/headers.js';
export { certificateProblem, clientKeyProblem } from './sinks/otlp/transport/pem.js';
export { proxyFor } from './sinks/otlp/transport/proxy.js';
export { redactor } from './sinks/otlp/transport/redactor.js';
export { printable } from './sinks/printable.js';
export type { PageOptions } from './sinks/prometheus/page.js';
export {
  type PrometheusHandler,
  type PrometheusHandlerOptions,
  prometheusHandler,
} from './sinks/prometheus/prometheus-handler.js';
export {
  type MetricExporterSinkOptions,
  metricExporterSink,
} from './sinks/sdk/metric-exporter-sink.js';
export type { MetricExporterFactory } from './sinks/sdk/metric-exporter-transport.js';
export {
  type SandboxMetricProducer,
  type SandboxMetricProducerOptions,
  sandboxMetricProducer,
} from './sinks/sdk/sandbox-metric-producer.js';
export { sdkOtlpSink } from './sinks/sdk/sdk-otlp-sink.js';
export type { Sink } from './sinks/sink.js';
export { type StdoutSinkOptions, stdoutSink } from './sinks/stdout/stdout-sink.js';
export { SegmentError } from './spool/segment-error.js';
export {
  DEFAULT_SPOOL_MAX_BYTES,
  openSpool,
  type Spool,
  SpoolError,
  type SpoolOptions,
  type SpoolStats,
} from './spool/spool-directory.js';
export type { Segment, SpoolStore } from './spool/spool-store.js';
export {
  askedWaitMillis,
  backoffMillis,
  MAX_BACKOFF_BASE_MILLIS,
  MAX_BACKOFF_MULTIPLE,
} from './streams/backoff.js';
export { bufferDropOldest, type DropOldestBatch } from './streams/buffer-drop-oldest.js';
export { type CollectionsOptions, collections } from './streams/collections.js';
export { deliver, type SpoolOption } from './streams/deliver.js';
export type { DeliveryCommand, DeliveryEffect } from './streams/delivery/effect.js';
export type { ExporterFactory } from './streams/delivery/exporter-for.js';
export type { DeliveryInput } from './streams/delivery/input.js';
export { runTransitions } from './streams/delivery/run-transitions.js';
export { type Delivery, initialDelivery, type SourceEnd, type Spooled } from './streams/delivery/state.js';
export { type DeliverySettings, type Step, transition } from './streams/delivery/transition.js';
export type {
  DeliveryEvent,
  Drained,
  Dropped,
  Exported,
  Failed,
  Flushed,
  Recovered,
  Rejected,
  SegmentLost,
  Split,
  SpooledItems,
  SpoolFailed,
} from './streams/delivery-events.js';
export type { DeliveryOptions } from './streams/delivery-options.js';
export { totalsAfter } from './streams/delivery-totals.js';
export { dropOldest, type Trimmed } from './streams/drop-oldest.js';
export {
  type DeliveryTotals,
  type Exporter,
  type ExportResult,
  INITIAL_TOTALS,
  MAX_SPLITS_IN_A_ROW,
  type PartialSuccess,
} from './streams/exporter.js';
export { type FlushCadenceOptions, type FlushCause, flushCadence } from './streams/flush-cadence.js';
export { type NewestCollection, newestCollection } from './streams/newest-collection.js';
export { Queue } from './streams/queue.js';
export { unseenSamples } from './streams/unseen-samples.js';
export { VERSION } from './version.js';
