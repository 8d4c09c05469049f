import { headerProblem, type Renewable } from '../../index.js';
import type { Log } from '../log.js';
import { UsageError } from '../usage-error.js';
import { logFileChanges } from './file-changes.js';
import { parseHeaderFile } from './header-file.js';
import { parseEnvironmentKeyValues, parseKeyValues } from './key-values.js';
import type { Environment, OptionReader } from './option-reader.js';
import { othersMayReadWarning } from './others-may-read.js';
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
  const warn = othersMayReadWarning(source, path, log);
  const watched = new WatchedFiles(
    { headers: { path, source, kind: 'a file' } },
    ({ headers }) => {
      const inFile = checked(source, parseHeaderFile(source, headers));
      warn();
      return { ...variables, ...inFile, ...flags };
    },
    logFileChanges('headers', log),
  );
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
