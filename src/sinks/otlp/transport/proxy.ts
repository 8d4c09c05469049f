import { BlockList, isIP } from 'node:net';
import { isLoopback } from './loopback.js';

/** Environment variables, by name. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that requests to an endpoint go through, as `HTTP_PROXY` (for `http://`), `HTTPS_PROXY` (for `https://`) and
 * `NO_PROXY` name it, in lower or upper case; lower case wins, as in curl. `undefined` means none.
 *
 * The rules are those of Go: loopback never goes to a proxy. `NO_PROXY` has names (each with all names below it), addresses,
 * networks such as `10.0.0.0/8`, each with a port where only that is meant, or `*` for all.
 *
 * Source: golang.org/x/net/http/httpproxy.
 *
 * @throws {RangeError} that names the variable, for a proxy other than `http://HOST:PORT`; it repeats no password
 */
export function proxyFor(endpoint: URL, environment: Environment): URL | undefined {
  const scheme = endpoint.protocol === 'https:' ? 'https' : 'http';
  const [variable, text] = firstSet(environment, `${scheme}_proxy`);
  const host = withoutDot(hostOf(endpoint));
  if (text === '' || isLoopback(host) || isExempt(host, portOf(endpoint), environment)) {
    return undefined;
  }
  try {
    return parseProxy(/^[a-z][a-z0-9+.-]*:\/\//iu.test(text) ? text : `http://${text}`);
  } catch (error) {
    throw new RangeError(`${variable}: ${(error as Error).message}`);
  }
}

/**
 * Checks the URL of a proxy.
 *
 * @throws {RangeError} that says what would be right; it repeats no password
 */
export function parseProxy(text: string): URL {
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:' || !isDecodable(proxy)) {
    throw new RangeError(
      `got ${proxy === undefined || proxy.protocol === 'http:' ? 'what is no URL' : `a proxy of the scheme ${proxy.protocol.slice(0, -1)}`}: expected http://HOST:PORT`,
    );
  }
  return proxy;
}

/** The user and the password of a proxy as they are sent, `user:password`; `undefined` if it has none. */
export function proxyCredentials({ username, password }: URL): string | undefined {
  return username === '' && password === ''
    ? undefined
    : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
}

function isDecodable(proxy: URL): boolean {
  try {
    proxyCredentials(proxy);
    return true;
  } catch {
    return false;
  }
}

/** The port of a URL of `http` or `https`, also where it is the default and not written. */
export function portOf({ port, protocol }: URL): number {
  return port === '' ? DEFAULT_PORTS[protocol] : Number(port);
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** The host of a URL, an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/gu, '');
}

function firstSet(environment: Environment, name: string): readonly [string, string] {
  const variable = [name, name.toUpperCase()].find((each) => environment[each]) ?? name;
  return [variable, environment[variable]?.trim() ?? ''];
}

/** A name with a dot at its end is the same name. */
const withoutDot = (name: string): string => name.replace(/\.$/u, '');

function isExempt(host: string, port: number, environment: Environment): boolean {
  const [, list] = firstSet(environment, 'no_proxy');
  return list
    .toLowerCase()
    .split(/[,\s]+/u)
    .filter((entry) => entry !== '')
    .some((entry) => fits(entry, host, port));
}

function fits(entry: string, host: string, port: number): boolean {
  const { name, onlyPort } = taken(entry);
  if (onlyPort !== undefined && onlyPort !== port) {
    return false;
  }
  if (name === '*') {
    return true;
  }
  if (isIP(host) !== 0) {
    return isInNetwork(name, host);
  }
  // With a dot in front, as in curl and Go, only the names below it are meant.
  const domain = withoutDot(name).replace(/^\*?\./u, '');
  return host.endsWith(`.${domain}`) || host === withoutDot(name);
}

/** An entry without its port. The colons of an IPv6 address are none, unless it stands in brackets. */
function taken(entry: string): { readonly name: string; readonly onlyPort?: number } {
  if (isIP(entry) !== 0 || entry.includes('/')) {
    return { name: entry };
  }
  const [, name = entry, port] = /^(.*?)(?::(\d+))?$/u.exec(entry) ?? [];
  return { name: name.replace(/^\[|\]$/gu, ''), ...(port === undefined ? {} : { onlyPort: Number(port) }) };
}

/** Whether an address is another, or in a network. A name is neither. */
function isInNetwork(name: string, address: string): boolean {
  const [base, prefix] = name.split('/');
  const family = isIP(base);
  if (family === 0) {
    return false;
  }
  const most = family === 4 ? 32 : 128;
  const bits = prefix === undefined ? most : /^\d{1,3}$/u.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(bits <= most)) {
    return false;
  }
  const network = new BlockList();
  network.addSubnet(base, bits, family === 4 ? 'ipv4' : 'ipv6');
  return isIn(network, address);
}

function isIn(network: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && network.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
