import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions, Deque, FanoutCache, Index, reseal, Settings } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { findPlaintext, listFiles } from './sealed-fixture.ts';

const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(32).fill(2);
const THIRD = new Uint8Array(32).fill(3);
const MARKER = 'PLAINTEXT-MARKER';

const open = (directory: string, options: CacheOptions) =>
  new Cache(directory, { exclusive: true, fileThreshold: 1000, ...options });

function fill(cache: Cache, items = 300): void {
  for (let n = 0; n < items; n++) cache.set(n, n % 10 === 0 ? MARKER.repeat(100) + n : `${MARKER}${n}`);
}

function expectFilled(cache: Cache, items = 300): void {
  for (let n = 0; n < items; n++) expect(cache.get(n)).toBe(n % 10 === 0 ? MARKER.repeat(100) + n : `${MARKER}${n}`);
  expect(cache.check()).toEqual([]);
}

const errorWithCode = (code: string, message: RegExp = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('reseal', () => {
  it('gives a store another key while it is used, and tells how far it is', async () => {
    using cache = open(freshDirectory(), { encryptionKey: OLD, memory: 0 });
    fill(cache);
    const steps: number[] = [];
    const onProgress = ({ done, total, unit }: { done: number; total: number; unit: string }) => {
      expect([total, unit]).toEqual([300, 'items']);
      steps.push(done);
      cache.set(299, `${MARKER}299`);
      cache.set('new', steps.length);
    };
    const { items, damaged } = await reseal(cache, { encryptionKey: NEW, onProgress });
    expect(items).toBeGreaterThanOrEqual(299);
    expect(damaged).toBe(0);
    expect(steps.length).toBeGreaterThan(1);
    expect(cache.delete('new')).toBe(true);
    expectFilled(cache);
    cache.close();
    expect(() => open(cache.directory, { encryptionKey: OLD })).toThrow(errorWithCode('WRONG_KEY'));
    using again = open(cache.directory, { encryptionKey: NEW });
    expectFilled(again);
  });

  it('does nothing for a store whose values have its key', async () => {
    using cache = open(freshDirectory(), { encryptionKey: OLD });
    fill(cache);
    const before = cache.getEntry(7);
    expect(await reseal(cache, { encryptionKey: OLD })).toEqual({ items: 0, damaged: 0 });
    expect(cache.getEntry(7)).toEqual(before);
  });

  it('keeps times, tags and the order of items, and tells no listener', async () => {
    using cache = open(freshDirectory(), { encryptionKey: OLD });
    cache.set('b', MARKER, { tag: 't', ttl: 1e9 });
    cache.set('a', MARKER.repeat(100));
    const before = [cache.getEntry('b'), cache.getEntry('a')];
    const changes: unknown[] = [];
    const stop = cache.subscribe((change) => void changes.push(change));
    await reseal(cache, { encryptionKey: NEW });
    await new Promise(setImmediate);
    stop();
    expect(changes).toEqual([]);
    expect([cache.getEntry('b'), cache.getEntry('a')]).toEqual(before);
    expect([...cache.keys()]).toEqual(['b', 'a']);
  });

  it('goes on after it was stopped, with both keys; either alone is refused', async () => {
    using cache = open(freshDirectory(), { encryptionKey: OLD });
    const { directory } = cache;
    fill(cache, 700);
    const stopping = new AbortController();
    const onProgress = () => stopping.abort(new Error('stopped'));
    await expect(reseal(cache, { encryptionKey: NEW, onProgress, signal: stopping.signal })).rejects.toThrow('stopped');
    cache.close();
    expect(() => open(directory, { encryptionKey: NEW })).toThrow(errorWithCode('WRONG_KEY', /previousEncryptionKey/));
    expect(() => open(directory, { encryptionKey: OLD })).toThrow(errorWithCode('WRONG_KEY', /previousEncryptionKey/));
    using again = open(directory, { encryptionKey: NEW, previousEncryptionKey: OLD });
    expectFilled(again, 700);
    const { items } = await reseal(again);
    expect(items).toBeLessThan(700);
    expectFilled(again, 700);
    again.close();
    // A previous key that isn't needed is not in the way.
    using resealed = open(directory, { encryptionKey: NEW, previousEncryptionKey: [OLD, THIRD] });
    expectFilled(resealed, 700);
  });

  it('may begin with a third key before the second one has sealed everything', async () => {
    const directory = freshDirectory();
    using one = open(directory, { encryptionKey: OLD });
    fill(one);
    one.close();
    using two = open(directory, { encryptionKey: NEW, previousEncryptionKey: OLD });
    two.set('new', MARKER);
    two.close();
    using three = open(directory, { encryptionKey: THIRD, previousEncryptionKey: [NEW, OLD] });
    expect(three.get('new')).toBe(MARKER);
    three.delete('new');
    expectFilled(three);
    await reseal(three);
    three.close();
    using last = open(directory, { encryptionKey: THIRD });
    expectFilled(last);
  });

  it('seals a store that was not sealed, and leaves none of its plaintext', async () => {
    const directory = freshDirectory();
    using plain = open(directory, {});
    fill(plain);
    plain.close();
    using cache = open(directory, { encryptionKey: NEW, encryptExisting: true });
    expectFilled(cache);
    expect(await reseal(cache)).toEqual({ items: 300, damaged: 0 });
    expectFilled(cache);
    cache.close();
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    using again = open(directory, { encryptionKey: NEW });
    expectFilled(again);
  });

  it('leaves damaged values as they are, and counts them', async () => {
    using cache = open(freshDirectory(), { encryptionKey: OLD });
    const { directory } = cache;
    cache.set('row', 'whole');
    cache.set('file', MARKER.repeat(100));
    cache.close();
    const path = listFiles(join(directory, 'values'))[0]!;
    const bytes = readFileSync(path);
    bytes[50]! ^= 1;
    writeFileSync(path, bytes);
    using damaged = open(directory, { encryptionKey: OLD });
    expect(await reseal(damaged, { encryptionKey: NEW })).toEqual({ items: 1, damaged: 1 });
    expect(damaged.get('row')).toBe('whole');
    expect(damaged.check()).toMatchObject([{ code: 'file', key: 'file' }]);
  });

  it('works for every kind of store', async () => {
    const options = { exclusive: true, encryptionKey: OLD, fileThreshold: 500 };
    const renewed = { ...options, encryptionKey: NEW };
    using index = new Index<string, string>(freshDirectory() as never, options);
    index.set('k', MARKER);
    using deque = new Deque<string>(freshDirectory() as never, options);
    for (let n = 0; n < 100; n++) deque.push(`${n}`);
    deque.push(MARKER.repeat(50));
    using fanout = new FanoutCache(freshDirectory(), { ...options, shards: 2 });
    for (let n = 0; n < 20; n++) fanout.set(n, MARKER);
    fanout.shard('named').set('k', MARKER);
    using settings = new Settings(freshDirectory(), { defaults: { token: '' }, ...options });
    settings.set('token', MARKER);
    const queue = new Queue<string>(freshDirectory(), options);
    queue.enqueue(MARKER);
    const rotating = { encryptionKey: NEW, onProgress: () => deque.rotate(30) };
    for (const store of [index, deque, fanout, settings, queue]) {
      expect((await reseal(store, rotating)).items).toBeGreaterThan(0);
      store.close();
    }
    using index2 = new Index(index.directory, renewed);
    expect(index2.get('k')).toBe(MARKER);
    using deque2 = new Deque<string>(deque.directory as never, renewed);
    expect([...deque2].sort()).toEqual([...Array(100).keys()].map(String).concat(MARKER.repeat(50)).sort());
    using fanout2 = new FanoutCache(fanout.directory, renewed);
    expect([fanout2.get(3), fanout2.shard('named').get('k')]).toEqual([MARKER, MARKER]);
    using settings2 = new Settings(settings.directory, { defaults: { token: '' }, ...renewed });
    expect(settings2.get('token')).toBe(MARKER);
    const queue2 = new Queue<string>(queue.directory, renewed);
    expect(queue2.counts().ready).toBe(1);
    queue2.close();
  });

  it('refuses what is not a sealed store of its own', async () => {
    using plain = open(freshDirectory(), {});
    await expect(reseal(plain)).rejects.toEqual(errorWithCode('BAD_OPTION', /not sealed/));
    using shared = new Cache(freshDirectory(), { encryptionKey: OLD });
    await expect(reseal(shared)).rejects.toEqual(errorWithCode('BAD_OPTION', /exclusive/));
    await expect(reseal({})).rejects.toEqual(errorWithCode('BAD_OPTION', /takes an open Cache/));
    using cache = open(freshDirectory(), { encryptionKey: OLD });
    await expect(reseal(cache, { encryptionKey: 'key' as never })).rejects.toEqual(errorWithCode('BAD_OPTION'));
    await expect(reseal(cache, { key: NEW } as never)).rejects.toEqual(errorWithCode('BAD_OPTION', /valid options/));
    cache.close();
    await expect(reseal(cache)).rejects.toEqual(errorWithCode('CLOSED'));
  });

  it('ends when the store is closed', async () => {
    using cache = open(freshDirectory(), { encryptionKey: OLD });
    fill(cache, 700);
    const onProgress = () => cache.close();
    await expect(reseal(cache, { encryptionKey: NEW, onProgress })).rejects.toEqual(errorWithCode('CLOSED'));
    using again = open(cache.directory, { encryptionKey: NEW, previousEncryptionKey: OLD });
    expectFilled(again, 700);
  });
});

describe('a process with another key', () => {
  it('reads what its key has sealed, and says so where it can not', async () => {
    const directory = freshDirectory();
    using old = new Cache(directory, { encryptionKey: OLD, memory: 0 });
    old.set('before', 1);
    using renewed = new Cache(directory, { encryptionKey: NEW, previousEncryptionKey: OLD, memory: 0 });
    renewed.set('after', 2);
    await Promise.resolve();
    expect(old.get('before')).toBe(1);
    expect(() => old.get('after')).toThrow(errorWithCode('WRONG_KEY', /another key by another process/));
    old.set('late', 3);
    await Promise.resolve();
    expect([renewed.get('before'), renewed.get('after'), renewed.get('late')]).toEqual([1, 2, 3]);
  });
});
