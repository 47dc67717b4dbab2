/** Why something that Python has stored can't be read. The message completes the sentence "It was not imported: …". */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

const NEWLINE = 0x0a;

/** Reads a pickle from front to back. Each length is compared with the remaining bytes before anything is allocated. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Returns a view of the next bytes. @throws {UnreadableError} if there are fewer. */
  take(length: number): Uint8Array {
    if (length > this.remaining) throw new UnreadableError('its pickle is cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Returns the bytes before the next newline, and skips it. @throws {UnreadableError} without a newline. */
  takeLine(): Uint8Array {
    const end = this.#bytes.indexOf(NEWLINE, this.#at);
    if (end < 0) throw new UnreadableError('its pickle is cut off');
    const line = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return line;
  }

  takeUint8(): number {
    return this.take(1)[0]!;
  }

  takeUint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  takeUint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  takeInt32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  takeFloat64(): number {
    return this.#view.getFloat64(this.#skip(8));
  }

  /** Returns a length of 8 bytes. One that isn't exact as a number is larger than the pickle, so `take` refuses it. */
  takeLength64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  #skip(length: number): number {
    this.take(length);
    return this.#at - length;
  }
}
