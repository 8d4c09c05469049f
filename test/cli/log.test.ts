import { describe, expect, it } from 'vitest';
import { createLog, redactingLog } from '../../src/cli/log.js';
import { LOG_LEVELS, levelFilter, rustLogFilter } from '../../src/cli/log-filter.js';

/** The levels that come through, most severe first. */
const through = (text: string, target: string): string =>
  LOG_LEVELS.filter((level) => rustLogFilter(text).filter?.(level, target)).join(' ');

describe('a level', () => {
  it('lets itself and all that is more severe through', () => {
    expect(LOG_LEVELS.filter((level) => levelFilter('info')(level, 'x'))).toEqual(['error', 'warn', 'info']);
  });
});

describe('RUST_LOG', () => {
  it.each([
    ['debug', 'msb_metrics', 'error warn info debug'],
    ['WARN', 'msb_metrics', 'error warn'],
    ['off', 'msb_metrics', ''],
    ['msb_metrics=info', 'msb_metrics::otlp', 'error warn info'],
    ['msb_metrics=info', 'msb_metricsx', 'error warn'],
    ['msb_metrics=info', 'grpc', 'error warn'],
    ['microsandbox=debug', 'msb_metrics::otlp', 'error warn'],
    ['warn,msb_metrics::otlp=debug', 'msb_metrics::otlp', 'error warn info debug'],
    ['warn,msb_metrics::otlp=debug', 'msb_metrics::shm', 'error warn'],
    ['msb_metrics=trace,msb_metrics::shm=off', 'msb_metrics::shm', ''],
    ['grpc', 'grpc', 'error warn info debug trace'],
    [' info , grpc = error ', 'grpc', 'error'],
    ['hyper[span]=debug,info', 'msb_metrics', 'error warn info'],
  ])('of %j lets through for %s: %s', (text, target, levels) => {
    expect(through(text, target)).toBe(levels);
  });

  it.each([
    '',
    ' , ',
    '=debug',
    'a=b=c',
    'msb_metrics=verbose',
  ])('of %j says nothing that can be read', (text) => {
    expect(rustLogFilter(text).filter).toBeUndefined();
  });

  it('tells what it could not read', () => {
    expect(rustLogFilter('info,=debug,a=loud').unread).toEqual(['=debug', 'a=loud']);
  });
});

describe('a log with secrets', () => {
  it('has none of them in its messages and fields, whatever the target', () => {
    const records: unknown[] = [];
    const log = redactingLog(
      (...record) => records.push(record),
      (text) => text.replaceAll('s3cret', '***'),
    );
    log('warn', 'grpc', 'got s3cret', { error: 'no s3cret', count: 3, none: undefined });
    log('info', 'msb_metrics', 'fine');
    expect(records).toEqual([
      ['warn', 'grpc', 'got ***', { error: 'no ***', count: 3, none: undefined }],
      ['info', 'msb_metrics', 'fine', {}],
    ]);
  });
});

describe('a record', () => {
  const write = (format: 'text' | 'json', ...record: Parameters<ReturnType<typeof createLog>>): string => {
    const lines: string[] = [];
    createLog({ format, filter: () => true, write: (line) => lines.push(line) })(...record);
    return lines.join('');
  };

  it('is a line of text with its fields', () => {
    expect(
      write('text', 'warn', 'msb_metrics::otlp', 'failed', {
        error: 'a "b"',
        n: 3,
        none: undefined,
        empty: '',
      }),
    ).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {2}WARN msb_metrics::otlp: failed error="a \\"b\\"" n=3 empty=""\n$/u,
    );
  });

  it('is an object of JSON, in which no field takes the place of what every record has', () => {
    const record = JSON.parse(
      write('json', 'error', 'grpc', 'words', { message: 'forged', level: 'INFO', count: 2 }),
    );
    expect(record).toEqual({
      timestamp: expect.any(String),
      level: 'ERROR',
      target: 'grpc',
      message: 'words',
      count: 2,
    });
  });

  it('in JSON escapes what JSON itself does not, and stays JSON', () => {
    const line = write('json', 'info', 'x', 'a\u0085\u2028\u{e0001}');
    expect(line).not.toMatch(/[\u0085\u2028]|\u{e0001}/u);
    expect(JSON.parse(line).message).toBe('a\u0085\u2028\u{e0001}');
  });

  it('is not written if the filter says so', () => {
    const lines: string[] = [];
    createLog({ format: 'text', filter: levelFilter('error'), write: (line) => lines.push(line) })(
      'warn',
      'x',
      'y',
    );
    expect(lines).toEqual([]);
  });
});
