import { defer } from 'rxjs';
import type { Transport } from './transport.js';

/**
 * A transport that is made anew, with new connections, when what it was made from has changed. Asked before each request;
 * one that is under way is not disturbed.
 *
 * @param read gives what the next request needs; what it throws fails that request
 * @param areSame whether what was read serves as well as what was read before
 */
export function renewedOnChange<T, Request>(
  read: () => T,
  areSame: (a: T, b: T) => boolean,
  create: (value: T) => Transport<Request>,
): Transport<Request> {
  let current: { readonly value: T; readonly transport: Transport<Request> } | undefined;
  return {
    send: (request) =>
      defer(() => {
        const value = read();
        if (current === undefined || !areSame(current.value, value)) {
          current?.transport.close();
          current = { value, transport: create(value) };
        }
        return current.transport.send(request);
      }),
    close: () => current?.transport.close(),
  };
}
