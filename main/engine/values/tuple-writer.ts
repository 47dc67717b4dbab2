import type { Key } from '../../../protocol/key.ts';
import { nativeKind } from '../../../protocol/native-kind.ts';
import { isByteKind, isPlainObject } from '../../../protocol/natives.ts';
import { isWellFormed } from '../../../protocol/well-formed.ts';
import { ESCAPED, invert, TYPE } from './tuple.ts';

/** Builds the bytes of one key. Expects what `keyFault` has let through, and throws an `Error` where a getter now gives something else. */
export class TupleWriter {
  #buffer = Buffer.allocUnsafe(128);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has been written, as a copy of exactly this size. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#length));
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  part(part: Key): void {
    if (typeof part === 'string') this.#string(part);
    else if (typeof part === 'number') this.#number(part);
    else if (typeof part === 'boolean') this.byte(part ? TYPE.true : TYPE.false);
    else if (typeof part === 'bigint') this.#bigint(part);
    else if (part === null) this.byte(TYPE.null);
    else if (typeof part === 'object') this.#object(part);
    else throw new Error(`it holds a ${typeof part}`);
  }

  #number(value: number): void {
    if (Number.isNaN(value)) this.byte(TYPE.notANumber);
    else this.#double(TYPE.number, value);
  }

  #object(part: object): void {
    const kind = nativeKind(part);
    if (kind === 'Array') {
      this.elements(part as readonly Key[]);
      this.byte(TYPE.end);
    } else if (kind === 'Date') {
      this.#double(TYPE.date, (part as Date).getTime());
    } else if (isByteKind(kind)) {
      this.byte(TYPE.bytes);
      this.#escaped(part as Uint8Array);
    } else if (isPlainObject(part)) {
      this.#record(part as { readonly [name: string]: Key });
    } else {
      throw new Error('it holds an object that no key can hold');
    }
  }

  /** An array without its end: what every array with these first elements begins with. */
  elements(parts: readonly Key[]): void {
    this.byte(TYPE.array);
    for (const part of parts) this.part(part);
  }

  #record(record: { readonly [name: string]: Key }): void {
    this.byte(TYPE.object);
    for (const name of Object.keys(record).sort()) {
      this.#string(name);
      this.part(record[name] as Key);
    }
    this.byte(TYPE.end);
  }

  #string(text: string): void {
    if (!isWellFormed(text)) throw new Error('it holds a string with a lone surrogate');
    this.byte(TYPE.string);
    if (text.includes('\0')) {
      this.#escaped(Buffer.from(text));
    } else {
      this.#reserve(text.length * 3);
      this.#length += this.#buffer.write(text, this.#length);
      this.byte(TYPE.end);
    }
  }

  #escaped(bytes: Uint8Array): void {
    this.#reserve(bytes.length * 2);
    for (const byte of bytes) {
      this.#buffer[this.#length++] = byte;
      if (byte === 0) this.#buffer[this.#length++] = ESCAPED;
    }
    this.byte(TYPE.end);
  }

  /** IEEE 754 in big-endian: with the sign bit flipped, and negatives inverted whole, the bytes sort as the numbers do. */
  #double(type: number, value: number): void {
    this.byte(type);
    this.#reserve(8);
    const start = this.#length;
    const end = this.#buffer.writeDoubleBE(value + 0, start); // −0 + 0 is 0
    if (value < 0) invert(this.#buffer, start, end);
    else this.#buffer[start]! ^= 0x80;
    this.#length = end;
  }

  /** Length of the magnitude in 3 bytes, then the magnitude; both inverted for negatives, so that longer sorts lower. */
  #bigint(value: bigint): void {
    const negative = value < 0n;
    const digits = (negative ? -value : value).toString(16);
    const magnitude =
      value === 0n ? Buffer.alloc(0) : Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
    this.byte(negative ? TYPE.negativeBigint : TYPE.bigint);
    this.#reserve(3 + magnitude.length);
    const start = this.#length;
    this.#length = this.#buffer.writeUIntBE(magnitude.length, start, 3);
    this.#length += magnitude.copy(this.#buffer, this.#length);
    if (negative) invert(this.#buffer, start, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
