/** `adopt` copies the storage of a page into a store of the main process. */
import type { Page } from 'playwright-core';
import { startApp } from './disk-cache-page.ts';
import { expect, test } from './fixture.ts';

/** Fills a database with every kind of key, and with values that can and can't be stored. */
const FILL_DATABASE = `(async () => {
  const settle = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const opening = indexedDB.open('notes', 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('notes', { keyPath: 'id' });
    opening.result.createObjectStore('keyval');
    opening.result.createObjectStore('empty');
  };
  const database = await settle(opening);
  const keys = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt']);
  const transaction = database.transaction(['notes', 'keyval'], 'readwrite');
  const notes = transaction.objectStore('notes');
  for (let id = 0; id < 150; id++) notes.put({ id, title: 'note ' + id, tags: new Set(['a']) });
  const keyval = transaction.objectStore('keyval');
  keyval.put('text', 'string');
  keyval.put({ at: new Date(5), map: new Map([[1, 2n]]) }, 7.5);
  keyval.put(new Uint8Array(300_000).fill(7), 'large');
  keyval.put('bytes', new Uint8Array([1, 2]));
  keyval.put('date', new Date(9));
  keyval.put('array', ['a', 1, [new Date(1)]]);
  keyval.put(new Blob(['x']), 'blob');
  keyval.put({ attachment: new File(['x'], 'a.txt') }, 'file');
  keyval.put({ inner: [keys] }, 'crypto key');
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = () => reject(transaction.error);
  });
  globalThis.database = database;
})()`;

const adopt = (page: Page, source: string, options = '{}') =>
  page.evaluate(`adopt(${source}, diskCache.cache('api'), ${options})`);

test('a page adopts a database: all of it, but what only a page can keep', async ({ launch }) => {
  const { page } = await startApp(launch, 'bridge');
  await page.evaluate(FILL_DATABASE);
  await page.evaluate('globalThis.progress = []');
  const result = (await adopt(page, 'database', '{ onProgress: (now) => progress.push(now.done, now.total) }')) as {
    readonly skipped: readonly { readonly key: unknown; readonly reason: string }[];
  };
  expect(result).toMatchObject({ moved: 156, existing: 0 });
  expect(result.skipped.toSorted((one, other) => String(one.key).localeCompare(String(other.key)))).toEqual([
    { key: ['keyval', 'blob'], reason: expect.stringContaining('value is a Blob') },
    { key: ['keyval', 'crypto key'], reason: expect.stringContaining('value.inner[0] is a CryptoKey') },
    { key: ['keyval', 'file'], reason: expect.stringContaining('value.attachment is a File') },
  ]);
  expect(await page.evaluate('progress.slice(-2)')).toEqual([159, 159]);
  expect(
    await page.evaluate(`(async () => {
      const get = (...key) => diskCache.cache('api').get(key);
      const object = await get('keyval', 7.5);
      return [
        await get('keyval', 'string'), object.at.getTime(), object.map.get(1) === 2n,
        (await get('keyval', 'large')).length, await get('keyval', new Uint8Array([1, 2])),
        await get('keyval', new Date(9)), await get('keyval', ['a', 1, [new Date(1)]]),
        (await get('notes', 149)).title, (await get('notes', 149)).tags.has('a'),
      ];
    })()`),
  ).toEqual(['text', 5, true, 300_000, 'bytes', 'date', 'array', 'note 149', true]);
  expect(await adopt(page, 'database')).toMatchObject({ moved: 0, existing: 156 });
});

test('a page adopts some object stores, under keys of its own, and removes them', async ({ launch }) => {
  const { page } = await startApp(launch, 'bridge');
  await page.evaluate(FILL_DATABASE);
  const options = `{ objectStores: ['notes'], remove: true, toKey: (id) => 'note ' + id }`;
  expect(await adopt(page, 'database', options)).toEqual({ moved: 150, existing: 0, skipped: [] });
  expect(await page.evaluate(`diskCache.cache('api').size`)).toBe(150);
  const count = (name: string) =>
    page.evaluate(`new Promise((resolve) => {
      const request = database.transaction('${name}').objectStore('${name}').count();
      request.onsuccess = () => resolve(request.result);
    })`);
  expect([await count('notes'), await count('keyval')]).toEqual([0, 9]);
});

test('a page adopts its localStorage', async ({ launch }) => {
  const { page } = await startApp(launch, 'bridge');
  await page.evaluate(`localStorage.setItem('theme', 'dark'); localStorage.setItem('size', '13')`);
  expect(await adopt(page, 'localStorage', `{ parse: 'json' }`)).toEqual({ moved: 2, existing: 0, skipped: [] });
  expect(await page.evaluate(`diskCache.cache('api').getMany(['theme', 'size'])`)).toEqual(['dark', 13]);
  expect(await page.evaluate('localStorage.length')).toBe(2);
});
