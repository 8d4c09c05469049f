import type { Log } from '../log.js';
import type { Environment, OptionReader } from '../options/option-reader.js';
import type { StopSignals } from '../signals.js';
import type { NodeWarnings } from '../warnings.js';

/** What a command gets. */
export interface CommandContext {
  readonly options: OptionReader;
  readonly environment: Environment;
  readonly signals: StopSignals;
  readonly log: Log;
  readonly warnings: NodeWarnings;
}
