import { get, type IncomingMessage } from 'node:http';
import { type Finding, fail, ok } from './finding.js';

/** How long an answer may take in all, ms: less than the ten seconds that a probe usually has. */
const MAX_MILLIS = 5_000;

/** No answer of the health server's is longer, characters. */
const MAX_TEXT = 1_000;

const REMEDY = 'does otel run with --health-listen at this address?';

/** Asks another msb-metrics whether it is well: its `/healthz`, or its `/readyz`. */
export async function healthFinding(url: URL): Promise<Finding> {
  try {
    const { status, said } = await answerOf(url);
    return status === 200
      ? ok('health', `${url.href}: ${said}`)
      : fail('health', `${url.href} answers ${status}: ${said}`);
  } catch (error) {
    return fail('health', `${url.href}: ${(error as Error).message}`, REMEDY);
  }
}

/** The status and the text of a whole answer. Whatever else becomes of the connection is an error. */
function answerOf(url: URL): Promise<{ readonly status: number | undefined; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false });
    const timer = setTimeout(
      () => asked.destroy(new Error(`no answer within ${MAX_MILLIS / 1_000} s: is its event loop blocked?`)),
      MAX_MILLIS,
    );
    asked.on('response', (response: IncomingMessage) => {
      let said = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        said += chunk;
        if (said.length > MAX_TEXT) {
          // The end may have come already.
          reject(new Error('this is no health page of msb-metrics'));
          asked.destroy();
        }
      });
      response.on('end', () => resolve({ status: response.statusCode, said: said.trim() }));
      response.on('error', reject);
    });
    asked.on('upgrade', (_, socket) => socket.destroy());
    asked.on('error', reject);
    asked.on('close', () => {
      clearTimeout(timer);
      reject(new Error('the answer was cut off'));
    });
  });
}
