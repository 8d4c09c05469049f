import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import { rootCertificates } from './root-certificates.js';
import type { TransportOptions } from './transport.js';

/** The credentials of a channel to an endpoint: TLS where it is of `https://`. */
export function channelCredentials({
  endpoint,
  caCertificate,
  clientCertificate,
  clientKey,
}: TransportOptions): ChannelCredentials {
  return endpoint.protocol === 'https:'
    ? credentials.createSsl(
        bufferOf(rootCertificates(caCertificate)?.join('\n')),
        bufferOf(clientKey),
        bufferOf(clientCertificate),
      )
    : credentials.createInsecure();
}

const bufferOf = (pem: string | undefined): Buffer | null => (pem === undefined ? null : Buffer.from(pem));

/** Headers as a call's metadata. */
export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) {
    metadata.set(name, value);
  }
  return metadata;
}
