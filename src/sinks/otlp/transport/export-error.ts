/** Why an export failed, and what to do about it. */
export class ExportError extends Error {
  override readonly name = 'ExportError';

  /**
   * @param message what happened, in the receiver's or the system's words
   * @param remedy what it usually means, and which flag or variable to look at; `undefined` if nothing is known
   */
  constructor(
    message: string,
    readonly remedy: string | undefined,
  ) {
    super(message);
  }
}
