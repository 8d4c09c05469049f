import { hostname } from 'node:os';
import { map } from 'rxjs';
import { requireOneOf, requireText, requireTexts } from '../../options.js';
import type { Collection } from '../../shm/collection.js';
import { deliver, type SpoolOption } from '../../streams/deliver.js';
import type { DeliveryEvent } from '../../streams/delivery-events.js';
import type { DeliveryOptions } from '../../streams/delivery-options.js';
import type { Exporter } from '../../streams/exporter.js';
import { unseenSamples } from '../../streams/unseen-samples.js';
import { VERSION } from '../../version.js';
import type { Sink } from '../sink.js';
import type { AttributeOptions } from './encoding/attributes.js';
import { EncodedRequests } from './encoding/encoded-requests.js';
import { RequestEncoder, type RequestOptions } from './encoding/request.js';
import { OtlpExporter } from './otlp-exporter.js';
import { type CredentialOptions, currentCredentials } from './transport/credentials.js';
import { type OtlpProtocol, parseEndpoint } from './transport/endpoint.js';
import { ExportError } from './transport/export-error.js';
import { parseProxy } from './transport/proxy.js';
import { remedyFor } from './transport/remedies.js';
import type { TransportSettings } from './transport/transport.js';
import { transportFor } from './transport/transport-for.js';

/** What data points and their resource say of themselves. */
export interface OtlpResourceOptions extends AttributeOptions {
  /**
   * Resource attributes, on top of or instead of the defaults: `service.name` is `microsandbox`,
   * `service.instance.id` the host's name.
   */
  readonly resource?: Readonly<Record<string, string>> | undefined;
}

/** Options of {@link otlpSink}. */
export interface OtlpSinkOptions
  extends DeliveryOptions,
    SpoolOption<Collection>,
    OtlpResourceOptions,
    CredentialOptions {
  /** For gRPC `http(s)://HOST:PORT`, for HTTP the complete URL of the metrics signal. `https` means TLS. */
  readonly endpoint: string;
  /** Default `grpc`; `http` sends bodies in protobuf. */
  readonly protocol?: OtlpProtocol | undefined;
  /** Of requests. Default `none`. */
  readonly compression?: 'none' | 'gzip' | undefined;
  /**
   * The proxy to go through, `http://HOST:PORT`, with `USER:PASSWORD@` where it wants them. Default: none. {@link proxyFor}
   * finds it in the environment.
   */
  readonly proxy?: string | undefined;
}

/**
 * A sink that ships samples over OTLP. Each sample is sent once, with the time at which it was taken; a tick that
 * finds a sandbox's sample unchanged adds nothing for it. The sidecar's own counters go out with every request, and
 * at every flush, even with no sandbox.
 *
 * Credentials that are given as functions are asked for before each export. When they have changed, it goes over a new
 * connection. What such a function throws, or gives that cannot be used, is a failed export.
 *
 * The transport is loaded at the first export; importing this loads neither.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function otlpSink(options: OtlpSinkOptions): Sink {
  const { protocol = 'grpc' } = options;
  const settings = checkedSettings(options);
  return otlpDelivery(options, protocol, (encoder, { now }) => {
    const transport = transportFor(protocol, settings, () => currentCredentials(options));
    return new OtlpExporter(new EncodedRequests(encoder), transport, now);
  });
}

/** What an exporter of {@link otlpDelivery} can be made of. */
export interface ExporterParts {
  /** What every request says of itself. */
  readonly words: Omit<RequestOptions, 'scopeVersion'>;
  /** Wall-clock time, Unix ms. */
  readonly now: () => number;
}

/**
 * A sink of unseen samples by an exporter of OTLP.
 *
 * @param protocol the one for which timeouts have remedies; `undefined` where it is not known
 */
export function otlpDelivery(
  options: OtlpResourceOptions & DeliveryOptions & SpoolOption<Collection>,
  protocol: OtlpProtocol | undefined,
  createExporter: (encoder: RequestEncoder, parts: ExporterParts) => Exporter<Collection>,
): Sink {
  const { resource, emitRunId, emitPid } = options;
  const delivery = deliver<Collection>((scheduler) => {
    const now = () => scheduler.now();
    const words = {
      resource: { 'service.name': 'microsandbox', 'service.instance.id': hostname(), ...resource },
      startedAtMillis: now(),
      emitRunId,
      emitPid,
    };
    return createExporter(new RequestEncoder({ ...words, scopeVersion: VERSION }), { words, now });
  }, options);
  return (source) =>
    source.pipe(
      unseenSamples(),
      delivery,
      map((event) => withRemedy(event, protocol)),
    );
}

/** The timeouts of the delivery are failures of the export as well. */
function withRemedy(event: DeliveryEvent, protocol: OtlpProtocol | undefined): DeliveryEvent {
  if (
    protocol === undefined ||
    (event.type !== 'failed' && event.type !== 'drained') ||
    event.error === undefined
  ) {
    return event;
  }
  const { error } = event;
  return error instanceof ExportError
    ? event
    : { ...event, error: new ExportError(error.message, remedyFor(error.message, protocol)) };
}

/**
 * Checks the options of a sink for OTLP.
 *
 * @throws {RangeError} for an option out of its range
 */
export function checkedSettings(options: OtlpSinkOptions): TransportSettings {
  const {
    protocol = 'grpc',
    compression = 'none',
    headers,
    caCertificate,
    clientCertificate,
    clientKey,
  } = options;
  requireText('endpoint', options.endpoint);
  requireOneOf('protocol', protocol, ['grpc', 'http']);
  requireOneOf('compression', compression, ['none', 'gzip']);
  if (options.resource !== undefined) {
    requireTexts('resource', options.resource);
  }
  let endpoint: URL;
  try {
    endpoint = parseEndpoint(options.endpoint, protocol);
  } catch (error) {
    throw new RangeError(`endpoint: ${(error as Error).message}`);
  }
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    throw new RangeError('clientCertificate, clientKey: expected both or none');
  }
  const fixed = { headers, caCertificate, clientCertificate, clientKey };
  currentCredentials(
    Object.fromEntries(Object.entries(fixed).filter(([, value]) => typeof value !== 'function')),
  );
  return {
    endpoint,
    compression,
    proxy: options.proxy === undefined ? undefined : checkedProxy(options.proxy),
    userAgent: `msb-metrics/${VERSION}`,
  };
}

function checkedProxy(proxy: unknown): URL {
  try {
    return parseProxy(String(proxy));
  } catch (error) {
    throw new RangeError(`proxy: ${(error as Error).message}`);
  }
}
