import * as tls from 'node:tls';

/**
 * The public roots and one more, as PEMs. `undefined` means the public roots alone.
 *
 * @param caCertificate PEM
 */
export function rootCertificates(caCertificate: string | undefined): string[] | undefined {
  if (caCertificate === undefined) {
    return undefined;
  }
  const getCaCertificates = (tls as { getCACertificates?: (type: 'default') => string[] }).getCACertificates;
  const roots = getCaCertificates?.('default') ?? [...tls.rootCertificates];
  return [...roots, caCertificate];
}
