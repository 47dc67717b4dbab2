import type { Key } from '../../../protocol/key.ts';
import { isWellFormed } from '../../../protocol/key-limits.ts';
import { getNativeKind } from '../../../protocol/native-slots.ts';
import { isByteType, isPlainObject } from '../../../protocol/native-types.ts';

/*
 * Encodes keys as bytes whose memcmp order is the order of the keys. The scheme is FoundationDB's tuple layer (type byte, then a
 * payload that sorts bytewise; strings end with 00, and 00 inside them is written as 00 FF):
 * https://github.com/apple/foundationdb/blob/main/design/tuple.md. The type bytes differ, so that the order inside arrays is the
 * order of columns: numbers, strings, then everything else.
 */

/** The first byte of every part. On disk: never renumber; append. Their order is the order of the types. */
const TYPE_TAG = {
  end: 0x00,
  number: 0x10,
  string: 0x20,
  notANumber: 0x30,
  null: 0x38,
  false: 0x40,
  true: 0x41,
  negativeBigint: 0x50,
  bigint: 0x51,
  date: 0x60,
  bytes: 0x70,
  array: 0x80,
  object: 0x90,
} as const;

/** Follows a 00 inside a string. Larger than every type byte, so that a string sorts after its prefixes. */
const ESCAPE_BYTE = 0xff;

/** Flips every bit from `start` to `end`, which reverses the sort order. */
function invertBits(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) bytes[at]! ^= 0xff;
}

/** Decodes one key. @throws {Error} for bytes that `TupleWriter` would not write. */
export class TupleReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  readKey(): Key {
    const key = this.#part();
    if (this.#at !== this.#bytes.length) throw new Error(`bytes follow the key at offset ${this.#at}`);
    return key;
  }

  #part(): Key {
    const type = this.#next();
    switch (type) {
      case TYPE_TAG.number:
        return this.#double();
      case TYPE_TAG.string:
        return this.#string();
      case TYPE_TAG.notANumber:
        return Number.NaN;
      case TYPE_TAG.null:
        return null;
      case TYPE_TAG.false:
        return false;
      case TYPE_TAG.true:
        return true;
      case TYPE_TAG.negativeBigint:
        return -this.#magnitude(true);
      case TYPE_TAG.bigint:
        return this.#magnitude(false);
      case TYPE_TAG.date:
        return new Date(this.#double());
      case TYPE_TAG.bytes:
        return this.#unescaped();
      case TYPE_TAG.array:
        return this.#array();
      case TYPE_TAG.object:
        return this.#record();
      default:
        throw new Error(`unknown type ${type} at offset ${this.#at - 1}`);
    }
  }

  #array(): Key[] {
    const parts: Key[] = [];
    while (!this.#skipEnd()) parts.push(this.#part());
    return parts;
  }

  #record(): { readonly [name: string]: Key } {
    const entries: [string, Key][] = [];
    while (!this.#skipEnd()) {
      if (this.#next() !== TYPE_TAG.string) throw new Error(`no property name at offset ${this.#at - 1}`);
      entries.push([this.#string(), this.#part()]);
    }
    return Object.fromEntries(entries); // defines properties, so that `__proto__` is an ordinary name
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
        if (this.#bytes[this.#at] !== ESCAPE_BYTE) return length === bytes.length ? bytes : bytes.slice(0, length);
        this.#at++;
      }
      bytes[length++] = byte;
    }
  }

  #endOfString(): number {
    let end = this.#bytes.indexOf(0, this.#at);
    while (end !== -1 && this.#bytes[end + 1] === ESCAPE_BYTE) end = this.#bytes.indexOf(0, end + 2);
    if (end === -1) throw new Error(`a string without end at offset ${this.#at}`);
    return end;
  }

  #double(): number {
    const bytes = Buffer.from(this.#take(8));
    if (bytes[0]! < 0x80) invertBits(bytes, 0, 8);
    else bytes[0]! ^= 0x80;
    return bytes.readDoubleBE();
  }

  #magnitude(inverted: boolean): bigint {
    const length = Buffer.from(this.#take(3));
    if (inverted) invertBits(length, 0, 3);
    const magnitude = Buffer.from(this.#take(length.readUIntBE(0, 3)));
    if (inverted) invertBits(magnitude, 0, magnitude.length);
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

  #skipEnd(): boolean {
    if (this.#bytes[this.#at] !== TYPE_TAG.end) return false;
    this.#at++;
    return true;
  }
}

/** Encodes one key that `findKeyFault` has accepted. @throws {Error} if a getter now returns something else. */
export class TupleWriter {
  #buffer = Buffer.allocUnsafe(128);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Returns a copy of the bytes written so far. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#length));
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  write(part: Key): void {
    if (typeof part === 'string') this.#string(part);
    else if (typeof part === 'number') this.#number(part);
    else if (typeof part === 'boolean') this.byte(part ? TYPE_TAG.true : TYPE_TAG.false);
    else if (typeof part === 'bigint') this.#bigint(part);
    else if (part === null) this.byte(TYPE_TAG.null);
    else if (typeof part === 'object') this.#object(part);
    else throw new Error(`it holds a ${typeof part}`);
  }

  #number(value: number): void {
    if (Number.isNaN(value)) this.byte(TYPE_TAG.notANumber);
    else this.#double(TYPE_TAG.number, value);
  }

  #object(part: object): void {
    const kind = getNativeKind(part);
    if (kind === 'Array') {
      this.elements(part as readonly Key[]);
      this.byte(TYPE_TAG.end);
    } else if (kind === 'Date') {
      this.#double(TYPE_TAG.date, (part as Date).getTime());
    } else if (isByteType(kind)) {
      this.byte(TYPE_TAG.bytes);
      this.#escaped(part as Uint8Array);
    } else if (isPlainObject(part)) {
      this.#record(part as { readonly [name: string]: Key });
    } else {
      throw new Error('it holds an object that is not allowed in a key');
    }
  }

  /** Writes an array without its end tag: the common prefix of all arrays that begin with these elements. */
  elements(parts: readonly Key[]): void {
    this.byte(TYPE_TAG.array);
    for (const part of parts) this.write(part);
  }

  #record(record: { readonly [name: string]: Key }): void {
    this.byte(TYPE_TAG.object);
    for (const name of Object.keys(record).sort()) {
      this.#string(name);
      this.write(record[name] as Key);
    }
    this.byte(TYPE_TAG.end);
  }

  #string(text: string): void {
    if (!isWellFormed(text)) throw new Error('it holds a string with a lone surrogate');
    this.byte(TYPE_TAG.string);
    if (text.includes('\0')) {
      this.#escaped(Buffer.from(text));
    } else {
      this.#reserve(text.length * 3);
      this.#length += this.#buffer.write(text, this.#length);
      this.byte(TYPE_TAG.end);
    }
  }

  #escaped(bytes: Uint8Array): void {
    this.#reserve(bytes.length * 2);
    for (const byte of bytes) {
      this.#buffer[this.#length++] = byte;
      if (byte === 0) this.#buffer[this.#length++] = ESCAPE_BYTE;
    }
    this.byte(TYPE_TAG.end);
  }

  /** Writes big-endian IEEE 754. With the sign bit flipped, and negatives inverted entirely, the bytes sort like the numbers. */
  #double(type: number, value: number): void {
    this.byte(type);
    this.#reserve(8);
    const start = this.#length;
    const end = this.#buffer.writeDoubleBE(value + 0, start); // −0 + 0 is 0
    if (value < 0) invertBits(this.#buffer, start, end);
    else this.#buffer[start]! ^= 0x80;
    this.#length = end;
  }

  /** Writes the length of the magnitude in 3 bytes, then the magnitude. Both are inverted for negatives, so that longer sorts lower. */
  #bigint(value: bigint): void {
    const negative = value < 0n;
    const digits = (negative ? -value : value).toString(16);
    const magnitude =
      value === 0n ? Buffer.alloc(0) : Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
    this.byte(negative ? TYPE_TAG.negativeBigint : TYPE_TAG.bigint);
    this.#reserve(3 + magnitude.length);
    const start = this.#length;
    this.#length = this.#buffer.writeUIntBE(magnitude.length, start, 3);
    this.#length += magnitude.copy(this.#buffer, this.#length);
    if (negative) invertBits(this.#buffer, start, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
