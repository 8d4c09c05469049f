import * as tls from 'node:tls';

/**
 * The public roots and more, as PEMs. `undefined` means those that Node trusts by itself, with NODE_EXTRA_CA_CERTS.
 *
 * @param caCertificate PEM
 */
export function rootCertificates(caCertificate: string | undefined): string[] | undefined {
  if (caCertificate === undefined) {
    return undefined;
  }
  // From Node 22 on with NODE_EXTRA_CA_CERTS, too.
  const getCaCertificates = (tls as { getCACertificates?: (type: 'default') => string[] }).getCACertificates;
  const roots = getCaCertificates?.('default') ?? [...tls.rootCertificates];
  return [...roots, caCertificate];
}
