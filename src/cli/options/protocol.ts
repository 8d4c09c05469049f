import type { OtlpProtocol } from '../../index.js';
import { UsageError } from '../usage-error.js';
import { beginningOf, type OptionReader } from './option-reader.js';

/** The protocol as it was given, for messages. */
export function protocolOf(options: OptionReader): string {
  const setting = options.setting('protocol');
  return `${setting?.source}=${setting?.text}`;
}

/**
 * Reads the protocol.
 *
 * @throws {UsageError} for one that is not spoken
 */
export function readProtocol(options: OptionReader): OtlpProtocol {
  const setting = options.setting('protocol') ?? { text: '', source: '--protocol' };
  switch (setting.source.startsWith('--') ? setting.text : setting.text.toLowerCase()) {
    case 'grpc':
      return 'grpc';
    case 'http':
    case 'http/protobuf':
      return 'http';
    case 'http/json':
      throw new UsageError(
        `${setting.source}: http/json is not supported: expected grpc, or http/protobuf, which the same receivers take`,
      );
    default:
      throw new UsageError(
        `${setting.source}: got ${beginningOf(setting.text)}: expected grpc, http or http/protobuf`,
      );
  }
}
