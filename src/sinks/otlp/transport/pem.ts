import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/**
 * What is wrong with a PEM of certificates; `undefined` if nothing is.
 *
 * @returns words to put after the name of a file
 */
export function certificateProblem(pem: string): string | undefined {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gsu) ?? [];
  if (certificates.length === 0) {
    return 'holds no PEM certificate: expected -----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----';
  }
  try {
    for (const certificate of certificates) {
      new X509Certificate(certificate);
    }
    return undefined;
  } catch {
    return 'holds a broken certificate: expected PEM certificates';
  }
}

/**
 * What is wrong with a PEM of a private key and its certificate together; `undefined` if nothing is.
 *
 * @returns words to put after the name of the key's file
 */
export function clientKeyProblem(clientKey: string, clientCertificate: string): string | undefined {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/mu.test(clientKey)) {
    return 'holds an encrypted key: expected one without a passphrase';
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/u.test(clientKey)) {
    return 'holds no PEM private key: expected -----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----';
  }
  try {
    createSecureContext({ key: clientKey, cert: clientCertificate });
    return undefined;
  } catch (error) {
    return /mismatch/iu.test((error as Error).message)
      ? 'holds the key of another certificate: expected the key that belongs to the client certificate'
      : 'holds a broken key: expected a PEM private key';
  }
}
