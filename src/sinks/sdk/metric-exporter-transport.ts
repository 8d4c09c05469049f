import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { catchError, defer, from, Observable, of, switchMap } from 'rxjs';
import { asError } from '../../streams/as-error.js';
import type { Answer } from '../otlp/transport/answer.js';
import type { Transport } from '../otlp/transport/transport.js';
import { exporterAnswer } from './exporter-answer.js';
import type { MetricsBatch } from './metrics-batch.js';

/** What makes an exporter. */
export type MetricExporterFactory = () => PushMetricExporter | Promise<PushMetricExporter>;

/**
 * Carries batches by an exporter of the OpenTelemetry SDK.
 *
 * Such an exporter cannot be told to stop. One whose export is given up is shut down, and the next batch goes to a new one:
 * what it was still sending may arrive all the same.
 *
 * @param createExporter called at the first batch, and after each export that was given up
 * @param build puts a batch into the words of the SDK
 */
export function metricExporterTransport(
  createExporter: MetricExporterFactory,
  build: (batch: MetricsBatch) => Promise<ResourceMetrics>,
): Transport<MetricsBatch> {
  let exporter: Promise<PushMetricExporter> | undefined;
  const close = (): Promise<void> | undefined => {
    const closing = exporter?.then((each) => each.shutdown()).catch(() => {});
    exporter = undefined;
    return closing;
  };
  return {
    send: (batch) =>
      defer(() => {
        exporter ??= (async () => createExporter())();
        return from(Promise.all([exporter, build(batch)]));
      }).pipe(
        switchMap(([each, metrics]) => exported(each, metrics, close)),
        catchError((error: unknown) => {
          // What could not be made is tried again.
          void close();
          return of<Answer>({ kind: 'failed', error: asError(error) });
        }),
      ),
    close,
  };
}

function exported(
  exporter: PushMetricExporter,
  metrics: ResourceMetrics,
  abandon: () => unknown,
): Observable<Answer> {
  return new Observable((subscriber) => {
    let hasAnswered = false;
    exporter.export(metrics, (result) => {
      hasAnswered = true;
      subscriber.next(exporterAnswer(result, Date.now()));
      subscriber.complete();
    });
    return () => {
      if (!hasAnswered) {
        abandon();
      }
    };
  });
}
