/** Appends numbers to a buffer that grows. */
export class ByteWriter {
  #bytes = Buffer.alloc(4_096);
  #at = 0;

  /** An unsigned integer up to 2^53, seven bits a byte, the lowest first. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  float32(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  /** A text in UTF-8, its length before it. */
  text(text: string): void {
    const bytes = Buffer.from(text);
    this.varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #reserve(count: number): void {
    if (this.#bytes.length - this.#at < count) {
      const larger = Buffer.alloc(Math.max(2 * this.#bytes.length, this.#at + count));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
  }
}

/** Reads what {@link ByteWriter} has written. Throws a `RangeError` beyond the end. */
export class ByteReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes.readUInt8(this.#at++);
      value += (byte & 127) * scale;
      if (byte < 128) {
        return value;
      }
      scale *= 128;
      if (scale > Number.MAX_SAFE_INTEGER) {
        throw new RangeError('a number of more than eight bytes');
      }
    }
  }

  /** How many things follow, of at least a byte each. */
  count(): number {
    const count = this.varint();
    if (count > this.bytes.length - this.#at) {
      throw new RangeError(`${count} things in ${this.bytes.length - this.#at} bytes`);
    }
    return count;
  }

  float64(): number {
    this.#at += 8;
    return this.bytes.readDoubleLE(this.#at - 8);
  }

  float32(): number {
    this.#at += 4;
    return this.bytes.readFloatLE(this.#at - 4);
  }

  text(): string {
    const length = this.varint();
    if (length > this.bytes.length - this.#at) {
      throw new RangeError(`a text of ${length} bytes beyond the end`);
    }
    this.#at += length;
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }
}
