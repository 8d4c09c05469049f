/** The levels, most severe first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;

/** A level of the log. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Says which records are logged. */
export type LogFilter = (level: LogLevel, target: string) => boolean;

interface Directive {
  readonly target: string;
  /** Index of the least severe level logged; -1 logs nothing. */
  readonly rank: number;
}

/** Whether a text names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

/** A filter by level alone. */
export function levelFilter(least: LogLevel): LogFilter {
  return (level) => LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(least);
}

/**
 * A filter as RUST_LOG gives it: `level`, `target`, or `target=level`, separated by commas. A target includes all below it
 * (`msb_metrics` includes `msb_metrics::otlp`), and the longest that fits decides. Records that none fits are logged at
 * `warn` and `error`, because RUST_LOG may be meant for msb.
 *
 * @returns the filter, `undefined` if the text has no directive that can be read, and the directives that cannot be read
 */
export function rustLogFilter(text: string): { filter: LogFilter | undefined; unread: readonly string[] } {
  const unread: string[] = [];
  const directives: Directive[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const directive = parseDirective(part);
    if (directive !== undefined) {
      directives.push(directive);
    } else if (part !== '') {
      unread.push(part);
    }
  }
  directives.sort((a, b) => b.target.length - a.target.length);
  const filter: LogFilter = (level, target) => {
    const fitting = directives.find(
      (directive) =>
        directive.target === '' || target === directive.target || target.startsWith(`${directive.target}::`),
    );
    return LOG_LEVELS.indexOf(level) <= (fitting?.rank ?? LOG_LEVELS.indexOf('warn'));
  };
  return { unread, filter: directives.length > 0 ? filter : undefined };
}

function parseDirective(text: string): Directive | undefined {
  const [target, level, ...more] = text.split('=').map((part) => part.trim());
  if (more.length > 0 || !/^[\w:-]+$/u.test(target)) {
    return undefined;
  }
  if (level === undefined) {
    const rank = rankOf(target);
    return rank === undefined ? { target, rank: LOG_LEVELS.length } : { target: '', rank };
  }
  const rank = rankOf(level);
  return rank === undefined ? undefined : { target, rank };
}

function rankOf(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (lower === 'off') {
    return -1;
  }
  return isLogLevel(lower) ? LOG_LEVELS.indexOf(lower) : undefined;
}
