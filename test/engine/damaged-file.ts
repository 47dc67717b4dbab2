import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** The database of a store. */
export const getDatabasePath = (directory: string): string => join(directory, 'cache.db');

/** Writes over pages of a database, the first one is 1; what is in its log is written back before, so that it is not read from there. */
export function corruptPages(directory: string, pages: readonly number[]): void {
  const path = getDatabasePath(directory);
  const database = new Database(path);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  overwritePages(path, pages);
}

/** Writes over all pages that are in the file, and leaves the log as it is. */
export function corruptAllPages(directory: string): void {
  const path = getDatabasePath(directory);
  overwritePages(
    path,
    Array.from({ length: statSync(path).size / PAGE_BYTES }, (_, nth) => nth + 1),
  );
}

const PAGE_BYTES = 4096;

function overwritePages(path: string, pages: readonly number[]): void {
  const file = openSync(path, 'r+');
  for (const page of pages) {
    writeSync(file, new Uint8Array(PAGE_BYTES).fill(0xee), 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
  }
  closeSync(file);
}

/** The first page of a table or an index. */
export function getRootPage(directory: string, name: string): number {
  const database = new Database(getDatabasePath(directory), { readonly: true });
  const root = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(name) as number;
  database.close();
  return root;
}

/** The pages of a table or an index that hold rows, in their order. */
export function getLeafPages(directory: string, name: string): number[] {
  const database = new Database(getDatabasePath(directory), { readonly: true });
  const leaves = database
    .prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path")
    .pluck()
    .all(name) as number[];
  database.close();
  return leaves;
}

/** Changes one bit of the nth place where a text stands in the database of a closed store. */
export function flipBit(directory: string, text: string, nth: number, at = text.length - 1): void {
  const path = getDatabasePath(directory);
  const bytes = readFileSync(path);
  let found = -1;
  for (let n = 0; n <= nth; n++) found = bytes.indexOf(text, found + 1);
  if (found === -1) throw new Error(`${text} is not there ${nth + 1} times`);
  bytes[found + at]! ^= 1;
  writeFileSync(path, bytes);
}

/** How often a text stands in the database. */
export const countOccurrences = (directory: string, text: string): number =>
  readFileSync(getDatabasePath(directory)).toString('latin1').split(text).length - 1;

/** Where the rows of a page of a table begin in the file, in the order of the page; the first page is 1. */
export function getRowOffsets(bytes: Buffer, page: number): number[] {
  const start = (page - 1) * PAGE_BYTES;
  const count = bytes.readUInt16BE(start + 3);
  return Array.from({ length: count }, (_, nth) => start + bytes.readUInt16BE(start + 8 + 2 * nth));
}

/** Puts each of two pages of a closed store in the place of the other; the first one is 1. */
export function exchangePages(directory: string, one: number, other: number): void {
  const path = getDatabasePath(directory);
  const bytes = readFileSync(path);
  const page = (number: number) => bytes.subarray((number - 1) * PAGE_BYTES, number * PAGE_BYTES);
  const first = Buffer.from(page(one));
  page(other).copy(page(one));
  first.copy(page(other));
  writeFileSync(path, bytes);
}
