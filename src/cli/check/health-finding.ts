import { get } from 'node:http';
import { type Finding, fail, ok } from './finding.js';

/** How long an answer may take, ms: less than the ten seconds that a probe usually has. */
const MAX_MILLIS = 5_000;

/** No answer of the health server's is longer, characters. */
const MAX_TEXT = 1_000;

/** Asks another msb-metrics whether it is well: its `/healthz`, or its `/readyz`. */
export function healthFinding(url: URL): Promise<Finding> {
  return new Promise((resolve) => {
    const asked = get(url, { agent: false, timeout: MAX_MILLIS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_TEXT) {
          response.destroy();
          resolve(fail('health', `${url.href} is no health page of msb-metrics`, REMEDY));
        }
      });
      response.on('end', () => {
        const said = text.trim();
        resolve(
          response.statusCode === 200
            ? ok('health', `${url.href}: ${said}`)
            : fail('health', `${url.href} answers ${response.statusCode}: ${said}`),
        );
      });
    });
    asked.on('timeout', () => {
      asked.destroy(new Error(`no answer within ${MAX_MILLIS / 1_000} s: is its event loop blocked?`));
    });
    asked.on('error', ({ message }) => resolve(fail('health', `${url.href}: ${message}`, REMEDY)));
  });
}

const REMEDY = 'does otel run with --health-listen at this address?';
