import { alternatives } from '../flags/command-line.js';
import type { LogFormat } from '../log.js';
import { isLogLevel, LOG_LEVELS, type LogLevel } from '../log-filter.js';
import { UsageError } from '../usage-error.js';
import { beginningOf, type OptionReader } from './option-reader.js';

/** How the program logs. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/** Reads the flags of the log. */
export function readLogSettings(options: OptionReader): LogSettings {
  const level = options.text('log-level') ?? '';
  if (!isLogLevel(level)) {
    throw new UsageError(`--log-level: got ${beginningOf(level)}: expected ${alternatives(LOG_LEVELS)}`);
  }
  return { level, format: options.word('log-format', ['text', 'json']) };
}
