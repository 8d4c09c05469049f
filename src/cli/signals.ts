/**
 * SIGINT, SIGTERM and SIGHUP (a closed terminal), in the order in which they come. None is lost while nobody waits.
 */
export class StopSignals {
  readonly #come: NodeJS.Signals[] = [];
  #waiting: ((signal: NodeJS.Signals) => void) | undefined;

  /** Catches signals from now on. */
  constructor() {
    // By default Node opens a debugger port at SIGUSR1.
    process.on('SIGUSR1', () => {});
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        this.#come.push(signal);
        this.#deliver();
      });
    }
  }

  /** The next signal. */
  next(): Promise<NodeJS.Signals> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#deliver();
    });
  }

  /**
   * Waits for a start to be done, but no longer than until a signal. A signal that comes later stays for `next`.
   *
   * @returns what the start came to, or the signal
   */
  nextDuring<T>(
    starting: Promise<T>,
  ): Promise<{ readonly started: T } | { readonly signal: NodeJS.Signals }> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (end: () => void): void => {
        if (!isSettled) {
          isSettled = true;
          this.#waiting = undefined;
          end();
        }
      };
      this.#waiting = (signal) => settle(() => resolve({ signal }));
      this.#deliver();
      starting.then(
        (started) => settle(() => resolve({ started })),
        (error) => settle(() => reject(error)),
      );
    });
  }

  #deliver(): void {
    if (this.#waiting !== undefined && this.#come.length > 0) {
      this.#waiting(this.#come.shift() as NodeJS.Signals);
      this.#waiting = undefined;
    }
  }
}
