import type { ExportResult } from '@opentelemetry/core';
import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { catchError, defer, finalize, from, map, Observable, of, switchMap, tap } from 'rxjs';
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
  const end = (how: (exporter: PushMetricExporter) => Promise<void>): Promise<void> | undefined => {
    const ending = exporter?.then(how).catch(() => {});
    exporter = undefined;
    return ending;
  };
  const abandon = () => void end((each) => each.shutdown());
  return {
    send: (batch) =>
      defer(() => {
        let isAnswered = false;
        exporter ??= (async () => createExporter())();
        return from(Promise.all([exporter, build(batch)])).pipe(
          switchMap(([each, metrics]) => exported(each, metrics)),
          map((result) => exporterAnswer(result, Date.now())),
          tap(() => {
            isAnswered = true;
          }),
          // An exporter that has not answered, or could not be made, is not asked again.
          catchError((error: unknown) => {
            abandon();
            return of<Answer>({ kind: 'failed', error: asError(error) });
          }),
          finalize(() => {
            if (!isAnswered) {
              abandon();
            }
          }),
        );
      }),
    close: () =>
      end(async (each) => {
        await each.forceFlush?.();
        await each.shutdown();
      }),
  };
}

function exported(
  exporter: PushMetricExporter,
  metrics: ResourceMetrics,
): Observable<ExportResult | undefined> {
  return new Observable((subscriber) => {
    exporter.export(metrics, (result: ExportResult | undefined) => {
      subscriber.next(result);
      subscriber.complete();
    });
  });
}
