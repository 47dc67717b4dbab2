import type { Column } from '../sqlite/connection.ts';
import { type DatabasePages, mayBeTreePage } from './database-pages.ts';

/*
 * Reads the rows on a leaf page of a table or an index: https://sqlite.org/fileformat2.html#b_tree_pages. A row with an impossible length,
 * overflow or type is damaged and reported as undefined; the others on the page are read all the same.
 */

const INDEX_LEAF = 10;
const TABLE_LEAF = 13;
const FIRST_PAGE_HEADER_BYTES = 100;
const LEAF_HEADER_BYTES = 8;
const OVERFLOW_POINTER_BYTES = 4;
/** A larger row was never written: values from 512 MiB are in files. */
const MAX_ROW_BYTES = 1024 ** 3;

/** A row: its id, 0 in an index, and its columns. */
export interface PageRow {
  readonly id: number;
  readonly columns: readonly Column[];
}

export type LeafKind = 'table' | 'index';

/** Returns the kind of a leaf page; undefined for any other page. */
export function getLeafKind(page: Buffer, number: number): LeafKind | undefined {
  const at = getHeaderStart(number);
  if (!mayBeTreePage(page, page.length, at)) return undefined;
  return page[at] === TABLE_LEAF ? 'table' : page[at] === INDEX_LEAF ? 'index' : undefined;
}

/** Whether a page is one of a tree, leaf or not. */
export const isTreePage = (page: Buffer, number: number): boolean =>
  mayBeTreePage(page, page.length, getHeaderStart(number));

/** Yields the rows of a leaf page, undefined for one that can't be read. */
export function* readLeaf(pages: DatabasePages, number: number, kind: LeafKind): Generator<PageRow | undefined> {
  const page = pages.read(number)!;
  const start = getHeaderStart(number);
  const cells = page.readUInt16BE(start + 3);
  for (let nth = 0; nth < cells; nth++) {
    const at = page.readUInt16BE(start + LEAF_HEADER_BYTES + 2 * nth);
    yield readOr(undefined, () => readCell(pages, page, at, kind));
  }
}

const getHeaderStart = (number: number): number => (number === 1 ? FIRST_PAGE_HEADER_BYTES : 0);

/** A damaged length leads beyond the end of a buffer, which Node reports as a RangeError. */
function readOr<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return otherwise;
    throw error;
  }
}

function readCell(pages: DatabasePages, page: Buffer, start: number, kind: LeafKind): PageRow | undefined {
  let at = start;
  const length = readVarint(page, at);
  at += length.bytes;
  let id = 0;
  if (kind === 'table') {
    const rowId = readVarint(page, at);
    at += rowId.bytes;
    id = rowId.value;
  }
  if (!(length.value >= 1 && length.value <= MAX_ROW_BYTES) || !Number.isSafeInteger(id)) return undefined;
  const payload = readPayload(pages, page, at, length.value, kind);
  return payload && { id, columns: readRecord(payload) };
}

/** How much of a row is on its page: https://sqlite.org/fileformat2.html#cell_payload_overflow_pages */
function getLocalBytes(length: number, usable: number, kind: LeafKind): number {
  const max = kind === 'table' ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23;
  if (length <= max) return length;
  const min = Math.floor(((usable - 12) * 32) / 255) - 23;
  const local = min + ((length - min) % (usable - OVERFLOW_POINTER_BYTES));
  return local <= max ? local : min;
}

function readPayload(
  pages: DatabasePages,
  page: Buffer,
  at: number,
  length: number,
  kind: LeafKind,
): Buffer | undefined {
  const local = getLocalBytes(length, page.length, kind);
  if (at + local > page.length) return undefined;
  if (local === length) return page.subarray(at, at + local);
  if (length > pages.count * pages.pageBytes) return undefined;
  const parts = [page.subarray(at, at + local)];
  let next = page.readUInt32BE(at + local);
  for (let missing = length - local; missing > 0; ) {
    const overflow = pages.read(next);
    if (overflow === undefined) return undefined;
    const part = overflow.subarray(OVERFLOW_POINTER_BYTES, OVERFLOW_POINTER_BYTES + missing);
    parts.push(part);
    missing -= part.length;
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts, length);
}

/** https://sqlite.org/fileformat2.html#record_format */
function readRecord(payload: Buffer): Column[] {
  const header = readVarint(payload, 0);
  const columns: Column[] = [];
  let content = header.value;
  for (let at = header.bytes; at < header.value; ) {
    const type = readVarint(payload, at);
    at += type.bytes;
    const bytes = getColumnBytes(type.value);
    if (content + bytes > payload.length) throw new RangeError('A column is longer than its row');
    columns.push(readColumn(payload.subarray(content, content + bytes), type.value));
    content += bytes;
  }
  return columns;
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0] as const;
const REAL_TYPE = 7;
const ZERO_TYPE = 8;
const ONE_TYPE = 9;
const FIRST_BYTES_TYPE = 12;

function getColumnBytes(type: number): number {
  if (type >= FIRST_BYTES_TYPE) return Math.floor((type - FIRST_BYTES_TYPE) / 2);
  const bytes = INTEGER_BYTES[type];
  if (bytes === undefined) throw new RangeError('A column has a type that is reserved');
  return bytes;
}

function readColumn(bytes: Buffer, type: number): Column {
  if (type >= FIRST_BYTES_TYPE) return type % 2 === 0 ? new Uint8Array(bytes) : bytes.toString('utf8');
  if (type === 0) return null;
  if (type === REAL_TYPE) return bytes.readDoubleBE(0);
  if (type === ZERO_TYPE || type === ONE_TYPE) return type - ZERO_TYPE;
  return bytes.length <= 6 ? bytes.readIntBE(0, bytes.length) : Number(bytes.readBigInt64BE(0));
}

interface Varint {
  readonly value: number;
  readonly bytes: number;
}

const MAX_VARINT_BYTES = 9;

/** A variable-length integer of up to 64 bits, with sign; beyond 2^53 it is not exact. */
function readVarint(from: Buffer, start: number): Varint {
  let value = 0n;
  for (let nth = 0; nth < MAX_VARINT_BYTES; nth++) {
    const byte = from.readUInt8(start + nth);
    if (nth === MAX_VARINT_BYTES - 1) value = (value << 8n) | BigInt(byte);
    else value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80 || nth === MAX_VARINT_BYTES - 1) return { value: Number(BigInt.asIntN(64, value)), bytes: nth + 1 };
  }
  throw new RangeError('unreachable');
}
