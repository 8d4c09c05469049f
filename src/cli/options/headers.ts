import { statSync } from 'node:fs';
import { headerProblem, type Renewable } from '../../index.js';
import type { Log } from '../log.js';
import { UsageError } from '../usage-error.js';
import { logFileChanges } from './file-changes.js';
import { parseHeaderFile } from './header-file.js';
import { parseEnvironmentKeyValues, parseKeyValues } from './key-values.js';
import type { Environment, OptionReader } from './option-reader.js';
import { WatchedFiles } from './watched-files.js';

type Headers = Readonly<Record<string, string>>;

/**
 * Reads headers from the variables, the file and the flags; of the same header the last wins. They are a function where
 * there is a file, which may change.
 *
 * @throws {UsageError} for one that cannot be sent; its value is not repeated
 */
export function readHeaders(options: OptionReader, environment: Environment, log: Log): Renewable<Headers> {
  const variables: Headers = Object.assign(
    {},
    ...VARIABLES.map((variable) =>
      checked(variable, parseEnvironmentKeyValues(variable, environment[variable])),
    ),
  );
  const flags = checked('--header', parseKeyValues('header', options.all('header')));
  const file = options.setting('header-file');
  if (file === undefined) {
    return { ...variables, ...flags };
  }
  const { source, text: path } = file;
  const watched = new WatchedFiles(
    { headers: { path, source, kind: 'a file' } },
    ({ headers }) => ({ ...variables, ...checked(source, parseHeaderFile(source, headers)), ...flags }),
    logFileChanges('headers', log),
  );
  warnIfOthersMayRead(source, path, log);
  return () => watched.current();
}

/** From the weakest to the strongest. */
const VARIABLES = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_METRICS_HEADERS'];

/** Headers by lower-case name: two spellings of a name are one header. */
function checked(source: string, headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const problem = headerProblem(name, value);
      if (problem !== undefined) {
        throw new UsageError(`${source}: ${problem}`);
      }
      return [name.toLowerCase(), value];
    }),
  );
}

const READABLE_BY_OTHERS = 0o004;

/** Secrets that every user of this host may read are worth a word, once. */
export function warnIfOthersMayRead(source: string, path: string, log: Log): void {
  const { mode } = statSync(path);
  if ((mode & READABLE_BY_OTHERS) !== 0) {
    log(
      'warn',
      'msb_metrics',
      `${source}: every user of this host may read the file: take that right away (chmod o-r)`,
      {
        file: path,
        mode: (mode & 0o777).toString(8),
      },
    );
  }
}
