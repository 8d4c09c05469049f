import { createColors } from 'picocolors';
import { printable, printableJson } from '../sinks/printable.js';
import type { LogFilter, LogLevel } from './log-filter.js';

/** How records are written. */
export type LogFormat = 'text' | 'json';

/** What a record has besides its message. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes records, one line each. */
export type Log = (level: LogLevel, target: string, message: string, fields?: LogFields) => void;

/** What every record has; no field can take its place. */
const RESERVED = new Set(['timestamp', 'level', 'target', 'message']);

/** Options of {@link createLog}. */
export interface LogOptions {
  readonly format: LogFormat;
  readonly filter: LogFilter;
  /** Whether the level of text lines has a colour. Default: no. */
  readonly colours?: boolean;
  /** Takes a line with its end. */
  readonly write: (line: string) => void;
}

/** A log in whose messages and fields secrets are replaced: for texts that come from outside. */
export function redactingLog(log: Log, redact: (text: string) => string): Log {
  return (level, target, message, fields = {}) =>
    log(
      level,
      target,
      redact(message),
      Object.fromEntries(
        Object.entries(fields).map(([key, value]) => [
          key,
          typeof value === 'string' ? redact(value) : value,
        ]),
      ),
    );
}

/**
 * A log of lines such as `2026-05-30T02:44:31.123Z  INFO msb_metrics: message key=value`, or of JSON objects with
 * `timestamp`, `level`, `target`, `message` and the fields. Nothing in a message or a field can begin a line of its
 * own or reach the terminal as an escape.
 */
export function createLog({ format, filter, colours = false, write }: LogOptions): Log {
  const coloured = colourOf(colours);
  return (level, target, message, fields = {}) => {
    if (!filter(level, target)) {
      return;
    }
    const timestamp = new Date().toISOString();
    const known = Object.entries(fields).filter(([key, value]) => value !== undefined && !RESERVED.has(key));
    if (format === 'json') {
      const record = { timestamp, level: level.toUpperCase(), target, message, ...Object.fromEntries(known) };
      write(`${printableJson(record)}\n`);
      return;
    }
    const tail = known.map(([key, value]) => ` ${key}=${textValue(value)}`).join('');
    write(`${timestamp} ${coloured(level)} ${target}: ${printable(message)}${tail}\n`);
  };
}

function textValue(value: string | number | boolean | undefined): string {
  const text = String(value);
  return printable(/[\s"=]/u.test(text) || text === '' ? JSON.stringify(text) : text);
}

function colourOf(colours: boolean): (level: LogLevel) => string {
  const { red, yellow, green, cyan, dim } = createColors(colours);
  const byLevel = { error: red, warn: yellow, info: green, debug: cyan, trace: dim };
  return (level) => byLevel[level](level.toUpperCase().padStart(5));
}
