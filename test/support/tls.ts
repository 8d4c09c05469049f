import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const read = (name: string): string => readFileSync(file(name), 'utf8');

/** Path of the PEM of the authority that signed the servers' certificates, or of one that did not. */
export const CA_FILE = file('ca.pem');
export const OTHER_CA_FILE = file('other-ca.pem');

/** A server's key and certificate: good for localhost, for another name, or until 2021. */
export function serverIdentity(name: 'server' | 'wrong-name' | 'expired'): {
  key: string;
  certificate: string;
} {
  return { key: read(`${name}.key`), certificate: read(`${name}.pem`) };
}
