import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const read = (name: string): string => readFileSync(file(name), 'utf8');

/** Path of the PEM of the authority that signed the servers' certificates, or of one that did not. */
export const CA_FILE = file('ca.pem');
export const OTHER_CA_FILE = file('other-ca.pem');

/** Path of the PEM of the authority that signed the certificate `named`. */
export const NAMED_CA_FILE = file('named.pem');

/** The same of the certificate `address`. */
export const ADDRESS_CA_FILE = file('address.pem');

/**
 * A server's key and certificate: good for localhost, for another name, until 2021, for collector.example, or for the
 * addresses 192.0.2.7 and 2001:db8::1. The last two signed themselves.
 */
export function serverIdentity(name: 'server' | 'wrong-name' | 'expired' | 'named' | 'address'): {
  key: string;
  certificate: string;
} {
  return { key: read(`${name}.key`), certificate: read(`${name}.pem`) };
}

/** Path of the PEM of the authority that signed the clients' certificates. */
export const CLIENT_CA_FILE = file('client-ca.pem');

/** Paths of a client's certificate and key, whose subject is its name. */
export function clientFiles(name: 'client' | 'client-renewed'): { certificate: string; key: string } {
  return { certificate: file(`${name}.pem`), key: file(`${name}.key`) };
}

/** Path of a key with a passphrase. */
export const ENCRYPTED_KEY_FILE = file('client-encrypted.key');
