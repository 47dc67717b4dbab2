import type { Key } from '../../../protocol/key.ts';
import { ESCAPED, invert, TYPE } from './tuple.ts';

/** Reads one key back. Throws a plain `Error` where the bytes are not what `TupleWriter` writes. */
export class TupleReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  key(): Key {
    const key = this.#part();
    if (this.#at !== this.#bytes.length) throw new Error(`bytes follow the key at offset ${this.#at}`);
    return key;
  }

  #part(): Key {
    const type = this.#next();
    switch (type) {
      case TYPE.number:
        return this.#double();
      case TYPE.string:
        return this.#string();
      case TYPE.notANumber:
        return Number.NaN;
      case TYPE.null:
        return null;
      case TYPE.false:
        return false;
      case TYPE.true:
        return true;
      case TYPE.negativeBigint:
        return -this.#magnitude(true);
      case TYPE.bigint:
        return this.#magnitude(false);
      case TYPE.date:
        return new Date(this.#double());
      case TYPE.bytes:
        return this.#unescaped();
      case TYPE.array:
        return this.#array();
      case TYPE.object:
        return this.#record();
      default:
        throw new Error(`unknown type ${type} at offset ${this.#at - 1}`);
    }
  }

  #array(): Key[] {
    const parts: Key[] = [];
    while (!this.#ended()) parts.push(this.#part());
    return parts;
  }

  #record(): { readonly [name: string]: Key } {
    const entries: [string, Key][] = [];
    while (!this.#ended()) {
      if (this.#next() !== TYPE.string) throw new Error(`no property name at offset ${this.#at - 1}`);
      entries.push([this.#string(), this.#part()]);
    }
    return Object.fromEntries(entries); // defines, so `__proto__` is a name like any other
  }

  #string(): string {
    const bytes = this.#unescaped();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  }

  #unescaped(): Uint8Array {
    const bytes = new Uint8Array(this.#endOfString() - this.#at);
    let length = 0;
    for (;;) {
      const byte = this.#next();
      if (byte === 0) {
        if (this.#bytes[this.#at] !== ESCAPED) return length === bytes.length ? bytes : bytes.slice(0, length);
        this.#at++;
      }
      bytes[length++] = byte;
    }
  }

  #endOfString(): number {
    let end = this.#bytes.indexOf(0, this.#at);
    while (end !== -1 && this.#bytes[end + 1] === ESCAPED) end = this.#bytes.indexOf(0, end + 2);
    if (end === -1) throw new Error(`a string without end at offset ${this.#at}`);
    return end;
  }

  #double(): number {
    const bytes = Buffer.from(this.#take(8));
    if (bytes[0]! < 0x80) invert(bytes, 0, 8);
    else bytes[0]! ^= 0x80;
    return bytes.readDoubleBE();
  }

  #magnitude(inverted: boolean): bigint {
    const length = Buffer.from(this.#take(3));
    if (inverted) invert(length, 0, 3);
    const magnitude = Buffer.from(this.#take(length.readUIntBE(0, 3)));
    if (inverted) invert(magnitude, 0, magnitude.length);
    return BigInt(`0x0${magnitude.toString('hex')}`);
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length)
      throw new Error(`the key ends at offset ${this.#bytes.length}, too early`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #next(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error(`the key ends at offset ${this.#bytes.length}, too early`);
    return byte;
  }

  #ended(): boolean {
    if (this.#bytes[this.#at] !== TYPE.end) return false;
    this.#at++;
    return true;
  }
}
