import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { checksum, toRowChecksum } from '../../main/engine/values/encoding.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

export const KEY = new Uint8Array(32).fill(1);
export const OTHER_KEY = new Uint8Array(32).fill(2);
export const MARKER = 'PLAINTEXT-MARKER';

export const openSealed = (directory = freshDirectory(), options: CacheOptions = {}) =>
  new Cache(directory, { encryptionKey: KEY, ...options });

export const errorWithCode = (code: string, message: RegExp = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** Returns every file below a directory. */
export const listFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());

/** Returns the files that hold a text, as UTF-8 or UTF-16. */
export const findPlaintext = (directory: string, text: string): string[] =>
  listFiles(directory).filter((path) => {
    const bytes = readFileSync(path);
    return bytes.includes(text) || bytes.includes(Buffer.from(text, 'utf16le'));
  });

export function changeDatabase(directory: string, change: (database: Database.Database) => void): void {
  const database = new Database(join(directory, 'cache.db'));
  try {
    change(database);
  } finally {
    database.close();
  }
}

export type Row = {
  id: number;
  key: string;
  mode: number;
  size: number;
  checksum: number;
  value: Buffer;
  file: string;
};
export const readRows = (directory: string): Row[] => {
  let rows: Row[] = [];
  changeDatabase(directory, (database) => {
    rows = database.prepare('SELECT * FROM entry ORDER BY id').all() as Row[];
  });
  return rows;
};

/** Puts bytes into a row as an attacker would, with a checksum that fits. */
export function forge(directory: string, key: string, mode: number, value: string | Buffer): void {
  const check = toRowChecksum(checksum(mode, value), key);
  const size = Buffer.byteLength(value);
  changeDatabase(directory, (database) =>
    database
      .prepare('UPDATE entry SET mode = ?, value = ?, size = ?, checksum = ? WHERE key = ?')
      .run(mode, value, size, check, key),
  );
}

export async function* toChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export const readStream = async (stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream!) pieces.push(piece);
  return Buffer.concat(pieces);
};

/** Bytes without a pattern that repeats at the size of a chunk. */
export const createBytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
