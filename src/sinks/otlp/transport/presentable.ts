import { map } from 'rxjs';
import { type Answer, words } from './answer.js';
import type { OtlpProtocol } from './endpoint.js';
import { ExportError } from './export-error.js';
import { remedyFor } from './remedies.js';
import type { Transport } from './transport.js';

/** An answer whose messages are fit for a log: on one line, without secrets, with a remedy where the protocol and one is known. */
export function presentable(
  answer: Answer,
  redact: (text: string) => string,
  protocol: OtlpProtocol | undefined,
): Answer {
  if (answer.kind !== 'accepted') {
    const { message } = answer.error;
    const remedy = protocol && remedyFor(message, protocol);
    return { ...answer, error: new ExportError(words(message, redact), remedy) };
  }
  return answer.partial === undefined
    ? answer
    : { ...answer, partial: { ...answer.partial, message: words(answer.partial.message, redact) } };
}

/** Makes the answers of a transport {@link presentable}. */
export function withPresentableAnswers<Request>(
  transport: Transport<Request>,
  redact: (text: string) => string,
  protocol: OtlpProtocol,
): Transport<Request> {
  return {
    send: (request) => transport.send(request).pipe(map((answer) => presentable(answer, redact, protocol))),
    close: () => transport.close(),
  };
}
