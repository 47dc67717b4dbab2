import type { TagColumn } from '../sqlite/statements.ts';
import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { CHANGE_HEADER_BYTES, type JournalChange, KIND, OPERATION, type RecordWriter, readColumn } from './record.ts';

const MIN_BYTES = 64 * 1024;
/** Up to this many bytes a loop is faster than a call of the system's copying. */
const MAX_LOOPED_BYTES = 320;

const NO_BYTES = Buffer.alloc(0);
/** Blocks up to this size are used again: to touch fresh memory for the first time takes as long as all the rest of an append. */
const MAX_SPARE_BYTES = 4 * 1024 * 1024;
/** The block that was released last. */
let spare: Buffer<ArrayBuffer> | undefined;

function takeBlock(): Buffer<ArrayBuffer> {
  const block = spare ?? Buffer.allocUnsafeSlow(MIN_BYTES);
  spare = undefined;
  return block;
}

/** Changes in memory, as records hold them. */
export class EncodedChanges {
  buffer = takeBlock();
  words = new Uint32Array(this.buffer.buffer, 0, this.buffer.length / 4);
  doubles = new Float64Array(this.buffer.buffer, 0, this.buffer.length / 8);
  #length = 0;

  /** Copies changes from a record. Returns the offset of the first one. */
  append({ buffer, words }: RecordWriter, start: number, end: number): number {
    const at = this.#length;
    this.#length = at + end - start;
    if (this.#length > this.buffer.length) this.#grow(at);
    if (end - start > MAX_LOOPED_BYTES) buffer.copy(this.buffer, at, start, end);
    else copyWords(words, start / 4, this.words, at / 4, (end - start) / 4);
    return at;
  }

  setId(at: number, id: number): void {
    this.doubles[at / 8 + 1] = id;
  }

  /** Sets `expiresAt`, as it is in a record. */
  setExpiry(at: number, expiry: number): void {
    this.doubles[at / 8 + 2] = expiry;
  }

  /** Sets the `now` of a change. */
  setClock(at: number, now: number): void {
    this.doubles[at / 8 + 3] = now;
  }

  /** Empties it, and keeps its memory for what comes next. */
  clear(): void {
    this.#length = 0;
  }

  /** Gives its memory to the next ones. It can't be used any more. */
  release(): void {
    if (this.buffer.length <= MAX_SPARE_BYTES && this.buffer.length > (spare?.length ?? 0)) spare = this.buffer;
    this.#use(NO_BYTES);
  }

  #grow(used: number): void {
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(this.#length)));
    this.buffer.copy(larger, 0, 0, used);
    this.#use(larger);
  }

  #use(buffer: Buffer<ArrayBuffer>): void {
    this.buffer = buffer;
    this.words = new Uint32Array(buffer.buffer, 0, buffer.length / 4);
    this.doubles = new Float64Array(buffer.buffer, 0, buffer.length / 8);
  }
}

function copyWords(from: Uint32Array, start: number, to: Uint32Array, at: number, count: number): void {
  for (let nth = 0; nth < count; nth++) to[at + nth] = from[start + nth]!;
}

/** A change in memory. Its parts are read when they are needed. */
export class EncodedChange implements JournalChange {
  readonly key: KeyColumn;
  readonly #changes: EncodedChanges;
  readonly #at: number;

  constructor(changes: EncodedChanges, at: number, key: KeyColumn) {
    this.#changes = changes;
    this.#at = at;
    this.key = key;
  }

  get isDeleted(): boolean {
    return this.#changes.buffer[this.#at] === OPERATION.delete;
  }

  get isTouch(): boolean {
    return this.#changes.buffer[this.#at] === OPERATION.touch;
  }

  get mode(): number {
    return this.#getWord(1);
  }

  get id(): number {
    return this.#getDouble(1);
  }

  get expiresAt(): number | null {
    const time = this.#getDouble(2);
    return time === Number.POSITIVE_INFINITY ? null : time;
  }

  get now(): number {
    return this.#getDouble(3);
  }

  get stamp(): number {
    return this.#getDouble(4);
  }

  get check(): number {
    return this.#getDouble(5);
  }

  get size(): number {
    return this.#getWord(15);
  }

  get data(): Stored | null {
    const start = this.#at + CHANGE_HEADER_BYTES + this.#getWord(12);
    return this.#readColumn(2, start, start + this.#getWord(13));
  }

  get tag(): TagColumn {
    const kind = this.#changes.buffer[this.#at + 3];
    if (kind === KIND.none) return null;
    const start = this.#at + CHANGE_HEADER_BYTES + this.#getWord(12) + this.#getWord(13);
    return this.#readColumn(3, start, start + this.#getWord(14)) as TagColumn;
  }

  #readColumn(kindAt: number, start: number, end: number): Stored | null {
    const { buffer } = this.#changes;
    return readColumn(buffer, buffer[this.#at + kindAt], start, end) as Stored | null;
  }

  #getWord(nth: number): number {
    return this.#changes.words[this.#at / 4 + nth]!;
  }

  #getDouble(nth: number): number {
    return this.#changes.doubles[this.#at / 8 + nth]!;
  }
}
