import { hostname } from 'node:os';
import { map } from 'rxjs';
import { requireOneOf, requireText, requireTexts } from '../../options.js';
import type { Collection } from '../../shm/collection.js';
import { deliver } from '../../streams/deliver.js';
import type { DeliveryEvent } from '../../streams/delivery-events.js';
import type { DeliveryOptions } from '../../streams/delivery-options.js';
import { unseenSamples } from '../../streams/unseen-samples.js';
import { VERSION } from '../../version.js';
import type { Sink } from '../sink.js';
import type { AttributeOptions } from './encoding/attributes.js';
import { RequestEncoder } from './encoding/request.js';
import { OtlpExporter } from './otlp-exporter.js';
import { type OtlpProtocol, parseEndpoint } from './transport/endpoint.js';
import { ExportError } from './transport/export-error.js';
import { headerProblem } from './transport/headers.js';
import { remedyFor } from './transport/remedies.js';
import type { TransportOptions } from './transport/transport.js';
import { transportFor } from './transport/transport-for.js';

/** Options of {@link otlpSink}. */
export interface OtlpSinkOptions extends DeliveryOptions, AttributeOptions {
  /** For gRPC `http(s)://HOST:PORT`, for HTTP the complete URL of the metrics signal. `https` means TLS. */
  readonly endpoint: string;
  /** Default `grpc`; `http` sends bodies in protobuf. */
  readonly protocol?: OtlpProtocol | undefined;
  /** Default `none`. `gzip` goes with gRPC only. */
  readonly compression?: 'none' | 'gzip' | undefined;
  /** PEM of a certificate authority to trust on top of the public roots. With gRPC only. Default: none. */
  readonly caCertificate?: string | undefined;
  /** Sent with every request. Their values appear in no event. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Resource attributes, on top of or instead of the defaults: `service.name` is `microsandbox`,
   * `service.instance.id` the host's name.
   */
  readonly resource?: Readonly<Record<string, string>> | undefined;
}

/**
 * A sink that ships samples over OTLP. Each sample is sent once, with the time at which it was taken; a tick that
 * finds a sandbox's sample unchanged adds nothing for it. The sidecar's own counters go out with every request, and
 * at every flush, even with no sandbox.
 *
 * The transport is loaded at the first export; importing this loads neither.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function otlpSink(options: OtlpSinkOptions): Sink {
  const { protocol = 'grpc', headers = {} } = options;
  const transportOptions = checked(options, protocol, headers);
  const delivery = deliver<Collection>((scheduler) => {
    const now = () => scheduler.now();
    const encoder = new RequestEncoder({
      resource: {
        'service.name': 'microsandbox',
        'service.instance.id': hostname(),
        ...options.resource,
      },
      scopeVersion: VERSION,
      startedAtMillis: now(),
      emitRunId: options.emitRunId,
      emitPid: options.emitPid,
    });
    return new OtlpExporter(encoder, transportFor(protocol, transportOptions), now);
  }, options);
  return (source) =>
    source.pipe(
      unseenSamples(),
      delivery,
      map((event) => withRemedy(event, protocol)),
    );
}

/** The timeouts of the delivery are failures of the export as well. */
function withRemedy(event: DeliveryEvent, protocol: OtlpProtocol): DeliveryEvent {
  if ((event.type !== 'failed' && event.type !== 'drained') || event.error === undefined) {
    return event;
  }
  const { error } = event;
  return error instanceof ExportError
    ? event
    : { ...event, error: new ExportError(error.message, remedyFor(error.message, protocol)) };
}

function checked(
  options: OtlpSinkOptions,
  protocol: OtlpProtocol,
  headers: Readonly<Record<string, string>>,
): TransportOptions {
  const { compression = 'none', caCertificate } = options;
  requireText('endpoint', options.endpoint);
  requireOneOf('protocol', protocol, ['grpc', 'http']);
  requireOneOf('compression', compression, ['none', 'gzip']);
  requireTexts('headers', headers);
  if (options.resource !== undefined) {
    requireTexts('resource', options.resource);
  }
  if (caCertificate !== undefined) {
    requireText('caCertificate', caCertificate);
  }
  let endpoint: URL;
  try {
    endpoint = parseEndpoint(options.endpoint, protocol);
  } catch (error) {
    throw new RangeError(`endpoint: ${(error as Error).message}`);
  }
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerProblem(name, value);
    if (problem !== undefined) {
      throw new RangeError(`headers: ${problem}`);
    }
  }
  if (protocol === 'http' && compression !== 'none') {
    throw new RangeError(`compression: ${compression} goes with the protocol grpc only`);
  }
  if (protocol === 'http' && caCertificate !== undefined) {
    throw new RangeError('caCertificate: goes with the protocol grpc only');
  }
  return { endpoint, headers, compression, caCertificate, userAgent: `msb-metrics/${VERSION}` };
}
