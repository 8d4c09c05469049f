import { type OtlpSinkOptions, redactor } from '../../index.js';

/**
 * A function that replaces in a text what a sink sends and nobody should read: the headers of now and those before the
 * last change, which an answer under way may repeat, and the password of a proxy.
 */
export function secretsOf({ headers = {}, endpoint, proxy }: OtlpSinkOptions): (text: string) => string {
  const url = new URL(endpoint);
  const password = proxy === undefined ? '' : decodeURIComponent(new URL(proxy).password);
  const redacting = (now: Readonly<Record<string, string>>) => redactor({ ...now, proxy: password }, url);
  const read = typeof headers === 'function' ? headers : () => headers;
  let newest = read();
  let redactNewest = redacting(newest);
  let redactOld = redactNewest;
  return (text) => {
    const now = read();
    if (now !== newest) {
      [newest, redactOld, redactNewest] = [now, redactNewest, redacting(now)];
    }
    return redactOld(redactNewest(text));
  };
}
