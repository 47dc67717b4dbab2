import { createDecipheriv, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Deque } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { changeDatabase, createBytes, KEY, listFiles, openSealed, readRows } from './sealed-fixture.ts';

/* Opens what is on disk as docs/disk-format.md says, without any code of deskcache. It never changes. */

const derive = (key: Uint8Array, purpose: string, bytes: Uint8Array): Buffer =>
  createHmac('sha256', key)
    .update(Buffer.concat([Buffer.from(purpose, 'ascii'), Buffer.of(0), bytes]))
    .digest();

function decrypt(key: Buffer, nonce: Buffer, associated: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

const readStoreKey = (directory: string): Buffer =>
  derive(KEY, 'deskcache store', readFileSync(join(directory, 'seal')).subarray(2, 18));

function openValue(directory: string, sealed: Buffer, associated: Buffer): Buffer {
  const storeKey = readStoreKey(directory);
  expect(sealed.subarray(0, 4)).toEqual(derive(storeKey, 'id', Buffer.alloc(0)).subarray(0, 4));
  const nonce = Buffer.concat([Buffer.alloc(8), sealed.subarray(16, 20)]);
  return decrypt(derive(storeKey, 'values', sealed.subarray(4, 16)), nonce, associated, sealed.subarray(20));
}

const toAssociated = (mode: number, ...rest: (string | Uint8Array)[]): Buffer =>
  Buffer.concat([Buffer.of(mode), ...rest.map((part) => Buffer.from(part as Uint8Array))]);

describe('the format of sealed stores', () => {
  it('is that of docs/disk-format.md for values in rows', () => {
    using cache = openSealed();
    const { directory } = cache;
    cache.set('grüße', 'Text');
    cache.set(1.5, { a: 1 });
    cache.set(['k'], 2.25);
    cache.close();
    const [text, object, number] = readRows(directory);
    expect([text!.mode, object!.mode, number!.mode]).toEqual([128, 131, 129]);
    expect(openValue(directory, text!.value, toAssociated(0, 'tgrüße')).toString()).toBe('Text');
    expect(openValue(directory, object!.value, toAssociated(3, 'n1.5')).toString()).toBe('{"a":1}');
    const key = Buffer.from('80206b0000', 'hex');
    expect(openValue(directory, number!.value, toAssociated(1, 'b', key)).readDoubleLE()).toBe(2.25);
    changeDatabase(directory, (database) => expect(database.pragma('user_version', { simple: true })).toBe(2001));
  });

  it('is that of docs/disk-format.md for a deque', () => {
    using deque = new Deque(freshDirectory() as never, { encryptionKey: KEY });
    const { directory } = deque;
    deque.push('first');
    deque.close();
    expect(openValue(directory, readRows(directory)[0]!.value, toAssociated(0, 'd')).toString()).toBe('first');
  });

  it.each([0, 65_536, 150_000])('is that of docs/disk-format.md for a file of %d bytes', (length) => {
    using cache = openSealed(freshDirectory(), { fileThreshold: 0 });
    const { directory } = cache;
    const bytes = Buffer.from(createBytes(length));
    cache.set('k', new Uint8Array(bytes));
    cache.close();
    const sealed = readFileSync(listFiles(join(directory, 'values'))[0]!);
    const key = derive(readStoreKey(directory), 'file', sealed.subarray(4, 20));
    const chunks: Buffer[] = [];
    for (let at = 20, index = 0; at < sealed.length; index++) {
      const end = Math.min(at + 65_552, sealed.length);
      const nonce = Buffer.alloc(12);
      nonce[7] = Number(end === sealed.length);
      nonce.writeUInt32LE(index, 8);
      chunks.push(decrypt(key, nonce, toAssociated(2, 'tk'), sealed.subarray(at, end)));
      at = end;
    }
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it('has a record of its keys, signed by them', () => {
    using cache = openSealed();
    const { directory } = cache;
    cache.close();
    const record = readFileSync(join(directory, 'seal'));
    const storeKey = readStoreKey(directory);
    const id = derive(storeKey, 'id', Buffer.alloc(0)).subarray(0, 4);
    expect([...record.subarray(0, 2), record[18], record.length]).toEqual([1, 0, 1, 55]);
    expect(record.subarray(19, 23)).toEqual(id);
    expect(record.subarray(23)).toEqual(derive(storeKey, 'record', record.subarray(0, 23)));
    changeDatabase(directory, (database) => {
      expect(database.prepare("SELECT value FROM setting WHERE name = 'seal'").pluck().get()).toEqual(record);
    });
  });
});
