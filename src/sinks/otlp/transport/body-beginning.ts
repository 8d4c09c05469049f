/** The beginning of a body. Copied: a chunk of one byte may keep a whole buffer of the socket in memory. */
export class BodyBeginning {
  readonly #most: number;
  #room = Buffer.alloc(0);
  #length = 0;

  /** @param most bytes that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    const length = Math.min(this.#length + chunk.length, this.#most);
    if (length > this.#room.length) {
      // Doubled, so that a body of single bytes is not copied once a byte.
      const larger = Buffer.alloc(Math.min(Math.max(length, 2 * this.#room.length), this.#most));
      this.#room.copy(larger);
      this.#room = larger;
    }
    chunk.copy(this.#room, this.#length);
    this.#length = length;
  }

  /** Whether the most that is kept has come. */
  get isFull(): boolean {
    return this.#length === this.#most;
  }

  /** What has come so far. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }
}
