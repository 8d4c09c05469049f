import type { Log } from './log.js';
import { numberFree } from './number-free.js';

/** The most kinds of messages that are remembered: far more than the libraries have. */
const MOST_KINDS = 1_000;

/** Logs a message of a library. */
type Write = (message?: unknown, ...rest: unknown[]) => void;

/**
 * Sends what the gRPC library logs to this program's log. Its errors are logged at `warn`, because this program decides
 * what is an error. Of messages that differ only in numbers the first is logged, because the library logs one an attempt.
 */
export async function captureGrpcLogs(log: Log): Promise<void> {
  const { setLogger } = await import('./grpc-logger.js');
  const write = writerTo(log, 'grpc');
  setLogger({ error: write('warn'), info: write('info'), debug: write('debug') });
}

/** The same for OpenTelemetry JS, whose exporters log a partial success, and nothing else that the sink does not know. */
export async function captureSdkLogs(log: Log): Promise<void> {
  const { diag } = await import('@opentelemetry/api');
  const write = writerTo(log, 'opentelemetry');
  diag.setLogger(
    {
      error: write('warn'),
      warn: write('warn'),
      info: write('debug'),
      debug: () => {},
      verbose: () => {},
    },
    { suppressOverrideMessage: true },
  );
}

function writerTo(log: Log, target: string): (level: 'warn' | 'info' | 'debug') => Write {
  const logged = new Set<string>();
  return (level) =>
    (message, ...rest) => {
      const text = [message, ...rest].map(textOf).join(' ');
      const kind = numberFree(text);
      log(level === 'warn' && logged.has(kind) ? 'debug' : level, target, text);
      if (logged.size < MOST_KINDS) {
        logged.add(kind);
      }
    };
}

/** The most characters of one thing that a library logs. */
const MAX_CHARACTERS = 1_024;

/** Bytes are most likely what a receiver has answered. */
function textOf(part: unknown): string {
  if (part instanceof Uint8Array) {
    return Buffer.from(part.subarray(0, MAX_CHARACTERS)).toString();
  }
  if (part instanceof Error) {
    return part.message.slice(0, MAX_CHARACTERS);
  }
  const text = typeof part === 'object' && part !== null ? JSON.stringify(part) : String(part);
  return text.slice(0, MAX_CHARACTERS);
}
