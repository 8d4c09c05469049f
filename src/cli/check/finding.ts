/** What became of one thing that was looked at. */
export interface Finding {
  /** What was looked at: the same word in every run. */
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do. Default: nothing. */
  readonly remedy?: string | undefined;
}

/** A finding that needs nobody. */
export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message });

/** A finding that somebody should look at. */
export const warn = (check: string, message: string, remedy?: string): Finding => ({
  check,
  status: 'warn',
  message,
  remedy,
});

/** A finding that keeps metrics from arriving. */
export const fail = (check: string, message: string, remedy?: string): Finding => ({
  check,
  status: 'fail',
  message,
  remedy,
});
