import type { Log } from './log.js';

/** Node's own warnings, kept until there is a log to write them to, instead of printed as text by Node. */
export class NodeWarnings {
  readonly #early: Error[] = [];
  #log: Log | undefined;

  /** Catches warnings from now on. */
  constructor() {
    process.removeAllListeners('warning');
    process.on('warning', (warning) => {
      if (this.#log === undefined) {
        this.#early.push(warning);
      } else {
        write(this.#log, warning);
      }
    });
  }

  /** Writes the warnings so far, and all that come, to a log. */
  logTo(log: Log): void {
    this.#log = log;
    for (const warning of this.#early.splice(0)) {
      write(log, warning);
    }
  }
}

/** What Node deprecates is for the authors of libraries: an operator can do nothing about it. */
function write(log: Log, { name, message }: Error): void {
  log(name === 'DeprecationWarning' ? 'debug' : 'warn', 'node', `${name}: ${message}`);
}
