import { crc32 } from 'node:zlib';
import type { TagColumn } from '../sqlite/statements.ts';
import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';

/*
 * The bytes of the write journal. On disk: see docs/decisions/0029-write-journal.md; never changes, `test/journal/record.test.ts` holds
 * records byte for byte. Little-endian, as are all platforms that deskcache runs on: numbers are written through typed arrays.
 */

export const OPERATION = { set: 1, delete: 2, touch: 3 } as const;

/** Kinds of a key, value or tag. */
export const KIND = { none: 0, text: 1, number: 2, bytes: 3 } as const;

const RECORD_HEADER_BYTES = 24;
export const CHANGE_HEADER_BYTES = 64;
/** Records and changes begin at multiples of this. */
export const ALIGNMENT_BYTES = 8;
/** The CRC and the length in front of what the length counts. */
const LENGTH_END_BYTES = 8;
/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const MAX_BYTES_PER_UNIT = 3;
const INITIAL_BYTES = 64 * 1024;
/** Where the length is, from which on the CRC covers everything. */
const LENGTH_AT = 4;
/** Records of less than this many units of the alignment, 2 KiB, are the usual ones. */
const MAX_KEPT_VIEWS = 256;

/** One change of an item, as a record holds it. */
export interface JournalChange {
  readonly key: KeyColumn;
  readonly isDeleted: boolean;
  /** Whether it changes only when a live item expires. */
  readonly isTouch: boolean;
  readonly mode: number;
  /** The id that a new item gets. */
  readonly id: number;
  readonly expiresAt: number | null;
  /** The clock of the change: an earlier item that had expired by then is not updated, but deleted, and the new one is inserted. */
  readonly now: number;
  /** Stored as `stored_at` and `used_at`. */
  readonly stamp: number;
  /** The row's checksum. */
  readonly check: number;
  readonly size: number;
  readonly tag: TagColumn;
  /** Null for all but a set. */
  readonly data: Stored | null;
}

export interface JournalRecord {
  readonly number: number;
  /** Undefined if the record is whole, and this version can't read it: a newer one has written it. */
  readonly changes: readonly JournalChange[] | undefined;
  /** Bytes that it takes in the file. */
  readonly bytes: number;
}

/** Encodes records, one at a time, in memory that is reused. O(bytes). */
export class RecordWriter {
  #buffer = Buffer.alloc(INITIAL_BYTES);
  #words = new Uint32Array(this.#buffer.buffer, this.#buffer.byteOffset, INITIAL_BYTES / 4);
  #doubles = new Float64Array(this.#buffer.buffer, this.#buffer.byteOffset, INITIAL_BYTES / 8);
  /** By length, in units of the alignment. */
  #views = createViews();
  #length = RECORD_HEADER_BYTES;
  #changes = 0;

  /** Bytes of the record so far. */
  get length(): number {
    return this.#length;
  }

  /** Begins a record without changes. */
  begin(): void {
    this.#length = RECORD_HEADER_BYTES;
    this.#changes = 0;
  }

  add({ key, isDeleted, isTouch, mode, id, expiresAt, now, stamp, check, size, tag, data }: JournalChange): void {
    const start = this.#length;
    this.#reserve(CHANGE_HEADER_BYTES + getMaxBytes(key) + getMaxBytes(data) + getMaxBytes(tag) + ALIGNMENT_BYTES);
    const keyAt = start + CHANGE_HEADER_BYTES;
    const valueAt = keyAt + this.#write(key, keyAt);
    const tagAt = valueAt + this.#write(data, valueAt);
    const end = tagAt + this.#write(tag, tagAt);
    const buffer = this.#buffer;
    buffer[start] = isDeleted ? OPERATION.delete : isTouch ? OPERATION.touch : OPERATION.set;
    buffer[start + 1] = getKind(key);
    buffer[start + 2] = getKind(data);
    buffer[start + 3] = getKind(tag);
    const word = start / 4;
    const words = this.#words;
    words[word + 1] = mode;
    words[word + 12] = valueAt - keyAt;
    words[word + 13] = tagAt - valueAt;
    words[word + 14] = end - tagAt;
    words[word + 15] = size;
    const double = start / 8;
    const doubles = this.#doubles;
    doubles[double + 1] = id;
    doubles[double + 2] = expiresAt ?? Number.POSITIVE_INFINITY;
    doubles[double + 3] = now;
    doubles[double + 4] = stamp;
    doubles[double + 5] = check;
    this.#length = align(end);
    for (let at = end; at < this.#length; at++) buffer[at] = 0;
    this.#changes++;
  }

  /** The first `length` bytes are the record. The next record overwrites them. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** `buffer` as numbers of 32 bits. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** Where the first change is. */
  get firstChange(): number {
    return RECORD_HEADER_BYTES;
  }

  /** Returns where the change that begins at an offset ends. */
  getChangeEnd(at: number): number {
    const words = this.#words;
    const word = at / 4;
    return align(at + CHANGE_HEADER_BYTES + words[word + 12]! + words[word + 13]! + words[word + 14]!);
  }

  isDeletion(at: number): boolean {
    return this.#buffer[at] === OPERATION.delete;
  }

  isTouch(at: number): boolean {
    return this.#buffer[at] === OPERATION.touch;
  }

  /** Returns the `now` of a change. */
  getClock(at: number): number {
    return this.#doubles[at / 8 + 3]!;
  }

  /** Returns `expiresAt` as it is in the record. */
  getExpiry(at: number): number {
    return this.#doubles[at / 8 + 2]!;
  }

  /** Completes the record. */
  finish(number: number): void {
    const length = this.#length;
    this.#words[1] = length - LENGTH_END_BYTES;
    this.#doubles[1] = number;
    this.#words[4] = this.#changes;
    this.#words[5] = 0;
    this.#words[0] = crc32(this.#getCovered(length));
  }

  /** Returns the bytes of a record of this length that its CRC covers. Views of small ones are kept: making one takes as long as the CRC. */
  #getCovered(length: number): Buffer {
    const nth = length / ALIGNMENT_BYTES;
    if (nth >= MAX_KEPT_VIEWS) return this.#buffer.subarray(LENGTH_AT, length);
    const view = this.#views[nth] ?? this.#buffer.subarray(LENGTH_AT, length);
    this.#views[nth] = view;
    return view;
  }

  /** Returns how many bytes it has written. */
  #write(column: Stored | null, at: number): number {
    if (typeof column === 'string') return this.#buffer.write(column, at, 'utf8');
    if (typeof column === 'number') return this.#buffer.writeDoubleLE(column, at) - at;
    if (column === null) return 0;
    this.#buffer.set(column, at);
    return column.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.alloc(2 ** Math.ceil(Math.log2(needed)));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
    this.#views = createViews();
    this.#words = new Uint32Array(larger.buffer, larger.byteOffset, larger.length / 4);
    this.#doubles = new Float64Array(larger.buffer, larger.byteOffset, larger.length / 8);
  }
}

const createViews = (): (Buffer | undefined)[] => new Array<Buffer | undefined>(MAX_KEPT_VIEWS).fill(undefined);

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;

const getMaxBytes = (column: Stored | null): number =>
  typeof column === 'string'
    ? column.length * MAX_BYTES_PER_UNIT
    : typeof column === 'object'
      ? (column?.length ?? 0)
      : 8;

const getKind = (column: Stored | null): number =>
  typeof column === 'string'
    ? KIND.text
    : typeof column === 'number'
      ? KIND.number
      : column === null
        ? KIND.none
        : KIND.bytes;

/**
 * Returns the record at an offset; undefined where no whole one is: at the end of the file, or where it is damaged. Trusts no length
 * before the checksum has matched, and no part of a change afterwards.
 */
export function readRecord(file: Buffer, at: number): JournalRecord | undefined {
  if (at + RECORD_HEADER_BYTES > file.length) return undefined;
  const bytes = file.readUInt32LE(at + 4) + LENGTH_END_BYTES;
  if (bytes < RECORD_HEADER_BYTES || bytes % ALIGNMENT_BYTES !== 0 || at + bytes > file.length) return undefined;
  if (crc32(file.subarray(at + 4, at + bytes)) !== file.readUInt32LE(at)) return undefined;
  return { number: file.readDoubleLE(at + 8), changes: readChanges(file, at, at + bytes), bytes };
}

/** Returns the changes of a record with a right checksum; undefined if they are not as this version writes them. */
function readChanges(file: Buffer, at: number, end: number): readonly JournalChange[] | undefined {
  const changes: JournalChange[] = [];
  let next = at + RECORD_HEADER_BYTES;
  for (let nth = file.readUInt32LE(at + 16); nth > 0; nth--) {
    const change = readChange(file, next, end);
    if (change === undefined) return undefined;
    changes.push(change.change);
    next = change.end;
  }
  return next === end ? changes : undefined;
}

function readChange(
  file: Buffer,
  at: number,
  end: number,
): { readonly change: JournalChange; readonly end: number } | undefined {
  const keyAt = at + CHANGE_HEADER_BYTES;
  if (keyAt > end) return undefined;
  const valueAt = keyAt + file.readUInt32LE(at + 48);
  const tagAt = valueAt + file.readUInt32LE(at + 52);
  const tagEnd = tagAt + file.readUInt32LE(at + 56);
  if (align(tagEnd) > end) return undefined;
  const operation = file[at];
  if (operation !== OPERATION.set && operation !== OPERATION.delete && operation !== OPERATION.touch) return undefined;
  const key = readColumn(file, file[at + 1], keyAt, valueAt);
  if (key === undefined || key === null) return undefined;
  const data = readColumn(file, file[at + 2], valueAt, tagAt);
  const tag = readColumn(file, file[at + 3], tagAt, tagEnd);
  if (data === undefined || tag === undefined || (data === null) === (operation === OPERATION.set)) return undefined;
  const expiresAt = file.readDoubleLE(at + 16);
  const change = {
    key,
    isDeleted: operation === OPERATION.delete,
    isTouch: operation === OPERATION.touch,
    mode: file.readUInt32LE(at + 4),
    id: file.readDoubleLE(at + 8),
    expiresAt: expiresAt === Number.POSITIVE_INFINITY ? null : expiresAt,
    now: file.readDoubleLE(at + 24),
    stamp: file.readDoubleLE(at + 32),
    check: file.readDoubleLE(at + 40),
    size: file.readUInt32LE(at + 60),
    tag,
    data,
  };
  return { change, end: align(tagEnd) };
}

/** Returns a column of its own memory; undefined for a kind that doesn't exist, or a number of another length. */
export function readColumn(
  file: Buffer,
  kind: number | undefined,
  start: number,
  end: number,
): Stored | null | undefined {
  switch (kind) {
    case KIND.none:
      return start === end ? null : undefined;
    case KIND.text:
      return file.toString('utf8', start, end);
    case KIND.number:
      return end - start === 8 ? file.readDoubleLE(start) : undefined;
    case KIND.bytes:
      return Buffer.from(file.subarray(start, end));
    default:
      return undefined;
  }
}
