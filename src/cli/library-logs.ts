import type { Log } from './log.js';
import { numberFree } from './number-free.js';

const TARGET = 'grpc';

/** The most kinds of messages that are remembered: far more than the library has. */
const MOST_KINDS = 1_000;

/**
 * Sends what the gRPC library logs to this program's log. Its errors are logged at `warn`, because this program decides
 * what is an error. Of messages that differ only in numbers the first is logged, because the library logs one an attempt.
 */
export async function captureGrpcLogs(log: Log): Promise<void> {
  const { setLogger } = await import('./grpc-logger.js');
  const told = new Set<string>();
  const write =
    (level: 'warn' | 'info' | 'debug') =>
    (message?: unknown, ...rest: unknown[]) => {
      const text = [message, ...rest].map(String).join(' ');
      const kind = numberFree(text);
      log(level === 'warn' && told.has(kind) ? 'debug' : level, TARGET, text);
      if (told.size < MOST_KINDS) {
        told.add(kind);
      }
    };
  setLogger({ error: write('warn'), info: write('info'), debug: write('debug') });
}
