import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createLargeText, listValueFiles, openFixture } from './store-fixture.ts';

describe('repair removes only files that no row and no other store owns', () => {
  it('not the value files of a store in a subfolder, nor other files (DiskCache deleted both)', () => {
    using outer = new Cache(freshDirectory());
    outer.set('k', createLargeText('k'));
    using inner = new Cache(join(outer.directory, 'values', 'ab'));
    inner.set('k', createLargeText('i'));
    const strangers = ['values/stage/notes.txt', 'values/ab/readme', 'notes.txt'].map((name) =>
      join(outer.directory, name),
    );
    mkdirSync(join(outer.directory, 'values', 'stage'), { recursive: true });
    for (const path of strangers) writeFileSync(path, 'mine');
    outer.check({ repair: true });
    expect(outer.check()).toEqual([]);
    expect(inner.check()).toEqual([]);
    expect(inner.get('k')).toBe(createLargeText('i'));
    for (const path of strangers) expect(() => writeFileSync(path, 'still', { flag: 'r+' })).not.toThrow();
  });

  it('and finds them in a directory of any name (DiskCache overlooked files below “cache.db”)', () => {
    using cache = new Cache(join(freshDirectory(), 'cache.db', 'cache.db-wal'));
    cache.set('k', createLargeText('k'));
    const [path] = listValueFiles(cache.directory);
    const orphan = path!.replace(/.{6}\.val$/, 'abcdef.val');
    writeFileSync(orphan, 'nobody’s');
    expect(cache.check()).toEqual([expect.objectContaining({ code: 'orphan', path: orphan })]);
    cache.check({ repair: true });
    expect(listValueFiles(cache.directory)).toEqual([path]);
    expect(cache.get('k')).toBe(createLargeText('k'));
  });

  it('and counts NaN keys and expired items correctly (DiskCache did not)', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    cache.set(Number.NaN, 1);
    cache.set('short', createLargeText('s'), { ttl: 5 });
    advance(5);
    expect(cache.check({ repair: true })).toEqual([]);
    expect(cache.size).toBe(1);
    expect(cache.get(Number.NaN)).toBe(1);
  });
});
