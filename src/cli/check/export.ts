import { firstValueFrom } from 'rxjs';
import { ExportError, type OtlpSinkOptions } from '../../index.js';
import { checkedSettings } from '../../sinks/otlp/otlp-sink.js';
import type { Answer } from '../../sinks/otlp/transport/answer.js';
import { currentCredentials } from '../../sinks/otlp/transport/credentials.js';
import { transportFor } from '../../sinks/otlp/transport/transport-for.js';
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
  const { protocol = 'grpc' } = otlp;
  const transport = transportFor(protocol, checkedSettings(otlp), () => currentCredentials(otlp));
  try {
    return await within(
      millis,
      firstValueFrom(transport.send(EMPTY_REQUEST)).then((answer) => findingOf(answer, otlp)),
      () => fail('export', `no answer within ${(millis / 1_000).toFixed(1)} s`, 'is the backend overloaded?'),
    );
  } finally {
    transport.close();
  }
}

function findingOf(answer: Answer, otlp: OtlpSinkOptions): Finding {
  if (answer.kind === 'accepted') {
    const remark = answer.partial?.message ?? '';
    return remark === ''
      ? ok('export', 'the backend accepts a request')
      : warn('export', `the backend accepts a request, and remarks: ${remark}`);
  }
  const { error } = answer;
  return answer.kind === 'bad-data'
    ? warn(
        'export',
        error.message,
        (error instanceof ExportError ? error.remedy : undefined) ??
          'the backend may refuse only requests without data, as this one was',
      )
    : fail('export', error.message, remedyOf(error, otlp));
}

/** TLS and the connection were looked at before, and were well. */
function remedyOf(error: Error, { endpoint, clientCertificate }: OtlpSinkOptions): string {
  const usual = error instanceof ExportError ? error.remedy : undefined;
  const isClosed = usual?.startsWith('the connection was closed') === true;
  if (isClosed && endpoint.startsWith('https:')) {
    return clientCertificate === undefined
      ? 'the backend closed the connection after TLS: does it want a client certificate? Look at its log'
      : 'the backend closed the connection after TLS: does it trust the client certificate? Look at its log';
  }
  return usual ?? 'look at the log of the backend';
}
