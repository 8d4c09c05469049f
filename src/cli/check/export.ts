import { firstValueFrom } from 'rxjs';
import { ExportError, type OtlpSinkOptions } from '../../index.js';
import type { Answer } from '../../sinks/otlp/transport/answer.js';
import { currentCredentials } from '../../sinks/otlp/transport/credentials.js';
import { transportFor } from '../../sinks/otlp/transport/transport-for.js';
import { VERSION } from '../../version.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { within } from './within.js';

/** A serialised ExportMetricsServiceRequest without data. */
const EMPTY_REQUEST = new Uint8Array();

/**
 * Sends one request without data, over the transport that the sink has, and tells what the backend makes of it.
 *
 * @param millis how long the answer may take
 */
export async function exportFinding(otlp: OtlpSinkOptions, millis: number): Promise<Finding> {
  const { protocol = 'grpc', compression = 'none' } = otlp;
  const transport = transportFor(
    protocol,
    {
      endpoint: new URL(otlp.endpoint),
      compression,
      proxy: otlp.proxy === undefined ? undefined : new URL(otlp.proxy),
      userAgent: `msb-metrics/${VERSION}`,
    },
    () => currentCredentials(otlp),
  );
  try {
    return await within(millis, firstValueFrom(transport.send(EMPTY_REQUEST)).then(findingOf), () =>
      fail('export', `no answer within ${(millis / 1_000).toFixed(1)} s`, 'is the backend overloaded?'),
    );
  } finally {
    transport.close();
  }
}

function findingOf(answer: Answer): Finding {
  if (answer.kind === 'accepted') {
    const remark = answer.partial?.message ?? '';
    return remark === ''
      ? ok('export', 'the backend accepts a request')
      : warn('export', `the backend accepts a request, and remarks: ${remark}`);
  }
  const { error } = answer;
  const remedy = error instanceof ExportError ? error.remedy : undefined;
  return answer.kind === 'bad-data'
    ? warn(
        'export',
        error.message,
        remedy ?? 'the backend may refuse only requests without data, as this one was',
      )
    : fail('export', error.message, remedy);
}
