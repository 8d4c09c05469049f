/** The protocols of OTLP that are spoken: gRPC, and HTTP with bodies in protobuf. */
export type OtlpProtocol = 'grpc' | 'http';

/**
 * Checks an OTLP endpoint.
 *
 * @param text for gRPC `http://HOST:PORT` or `https://HOST:PORT`, for HTTP the complete URL of the metrics signal
 * @throws {RangeError} that says what would be right; a password in the URL is not repeated
 */
export function parseEndpoint(text: string, protocol: OtlpProtocol): URL {
  const expected =
    protocol === 'grpc'
      ? 'expected http://HOST:PORT or https://HOST:PORT, such as http://localhost:4317'
      : 'expected the complete URL of the metrics signal, such as http://localhost:4318/v1/metrics';
  if (
    !/^[a-z][a-z0-9+.-]*:\/\//iu.test(text) &&
    text !== '' &&
    !isPair(text) &&
    URL.canParse(`http://${text}`)
  ) {
    throw new RangeError(`${shown(text)} has no scheme: did you mean http://${shown(text)}?`);
  }
  if (!URL.canParse(text)) {
    throw new RangeError(`${shown(text) === '' ? 'empty' : shown(text)} is not a URL: ${expected}`);
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RangeError(`${shown(text)} has the scheme ${url.protocol.slice(0, -1)}: ${expected}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new RangeError(
      `${shown(text)} holds credentials, which do not belong in a URL: send them as a header, such as Authorization`,
    );
  }
  if (protocol === 'grpc' && (url.pathname !== '/' || url.search !== '')) {
    throw new RangeError(
      `${shown(text)} has a path, which gRPC does not have: expected ${url.origin}, or the protocol http`,
    );
  }
  return url;
}

/** A key and a value where a URL should be: a header, most likely. */
const isPair = (text: string): boolean => /^[^/:?]*=/u.test(text);

/**
 * The text without what may be a secret: all between the scheme and the last @ (also an encoded one), the query, and all but
 * the beginning of what cannot be a URL.
 */
function shown(text: string): string {
  if (/\s/u.test(text.trim()) || isPair(text)) {
    return `${text.trim().slice(0, 4)}...`;
  }
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*(@|%40)/isu, '$1***@').replace(/\?.*$/su, '?***');
}
