import type { Log } from './log.js';

const TARGET = 'grpc';

/** Sends what the gRPC library logs to this program's log: its errors at `warn`, for they are ours to judge. */
export async function captureGrpcLogs(log: Log): Promise<void> {
  const { setLogger } = await import('./grpc-logger.js');
  const write =
    (level: 'warn' | 'info' | 'debug') =>
    (message?: unknown, ...rest: unknown[]) =>
      log(level, TARGET, [message, ...rest].map(String).join(' '));
  setLogger({ error: write('warn'), info: write('info'), debug: write('debug') });
}
