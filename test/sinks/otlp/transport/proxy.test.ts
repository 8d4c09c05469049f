import { describe, expect, it } from 'vitest';
import { proxyCredentials, proxyFor } from '../../../../src/sinks/otlp/transport/proxy.js';

const HTTP = 'http://collector.example:4317';
const HTTPS = 'https://collector.example:4317';
const PROXY = 'http://proxy.example:3128';

const hostFor = (endpoint: string, environment: Record<string, string>): string | undefined =>
  proxyFor(new URL(endpoint), environment)?.host;

describe('the proxy of an endpoint', () => {
  it.each<[string, string, Record<string, string>, string | undefined]>([
    ['none without a variable', HTTP, {}, undefined],
    ['of HTTP_PROXY for http', HTTP, { HTTP_PROXY: PROXY }, 'proxy.example:3128'],
    ['of HTTPS_PROXY for https', HTTPS, { HTTPS_PROXY: PROXY }, 'proxy.example:3128'],
    ['of lower case', HTTP, { http_proxy: PROXY }, 'proxy.example:3128'],
    [
      'of lower case before upper case',
      HTTP,
      { http_proxy: PROXY, HTTP_PROXY: 'http://no:1' },
      'proxy.example:3128',
    ],
    ['not of HTTPS_PROXY for http', HTTP, { HTTPS_PROXY: PROXY }, undefined],
    ['not of HTTP_PROXY for https', HTTPS, { HTTP_PROXY: PROXY }, undefined],
    ['of a proxy without a scheme', HTTP, { HTTP_PROXY: 'proxy.example:3128' }, 'proxy.example:3128'],
    ['none where the variable is empty', HTTP, { HTTP_PROXY: '' }, undefined],
  ])('is %s', (_, endpoint, environment, expected) => {
    expect(hostFor(endpoint, environment)).toBe(expected);
  });

  it.each([
    'http://localhost:4317',
    'http://localhost.:4317',
    'http://127.0.0.1:4317',
    'http://127.8.9.10:4317',
    'http://[::1]:4317',
  ])('is none for %s', (endpoint) => {
    expect(hostFor(endpoint, { HTTP_PROXY: PROXY })).toBeUndefined();
  });

  it.each([
    ['*', HTTP, false],
    ['collector.example', HTTP, false],
    ['COLLECTOR.example', HTTP, false],
    ['example', HTTP, false],
    ['.example', HTTP, false],
    ['*.example', HTTP, false],
    ['.collector.example', HTTP, true],
    ['lector.example', HTTP, true],
    ['other.example, collector.example', HTTP, false],
    ['other.example collector.example', HTTP, false],
    ['collector.example:4317', HTTP, false],
    ['collector.example:4318', HTTP, true],
    ['collector.example:443', 'https://collector.example', false],
    ['10.0.0.0/8', 'http://10.1.2.3:4317', false],
    ['10.0.0.0/8', 'http://11.1.2.3:4317', true],
    ['10.1.2.3', 'http://10.1.2.3:4317', false],
    ['10.1.2.3:1', 'http://10.1.2.3:4317', true],
    ['10.1.2.0/33', 'http://10.1.2.3:4317', true],
    ['10.1.2.0/x', 'http://10.1.2.3:4317', true],
    ['10.0.0.0/', 'http://93.184.216.34:80', true],
    ['collector.example.', HTTP, false],
    ['collector.example', 'http://collector.example.:4317', false],
    ['example', 'http://10.1.2.3:4317', true],
    ['fd00::/8', 'http://[fd00::1]:4317', false],
    ['fd00::1', 'http://[fd00::1]:4317', false],
    ['[fd00::1]', 'http://[fd00::1]:4317', false],
    ['[fd00::1]:4317', 'http://[fd00::1]:4317', false],
    ['[fd00::1]:1', 'http://[fd00::1]:4317', true],
    ['fd00::/8', 'http://10.1.2.3:4317', true],
    ['', HTTP, true],
    [' , ', HTTP, true],
  ])('with NO_PROXY=%s is used for %s: %s', (list, endpoint, isUsed) => {
    const environment = { HTTP_PROXY: PROXY, HTTPS_PROXY: PROXY };
    for (const variable of ['NO_PROXY', 'no_proxy']) {
      expect(hostFor(endpoint, { ...environment, [variable]: list })).toBe(
        isUsed ? 'proxy.example:3128' : undefined,
      );
    }
  });

  it.each([
    ['https://proxy.example:3128', 'got a proxy of the scheme https'],
    ['socks5://proxy.example:1080', 'got a proxy of the scheme socks5'],
    ['http://user:secret@', 'got what is no URL'],
    ['http://us%er:secret@proxy.example', 'got what is no URL'],
  ])('%s is refused without a word of the password', (proxy, problem) => {
    const find = (): unknown => proxyFor(new URL(HTTP), { HTTP_PROXY: proxy });
    expect(find).toThrowError(new RangeError(`HTTP_PROXY: ${problem}: expected http://HOST:PORT`));
  });

  it('has the user and the password decoded', () => {
    expect(proxyCredentials(new URL('http://us%40er:p%3Ass@proxy'))).toBe('us@er:p:ss');
    expect(proxyCredentials(new URL('http://user@proxy'))).toBe('user:');
    expect(proxyCredentials(new URL('http://proxy'))).toBeUndefined();
  });
});
