import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFolderName, encodeFolderName, NAMED_KINDS } from '../../main/engine/fanout/named-stores.ts';
import { FanoutCache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const open = (directory = freshDirectory()) => new FanoutCache<string, unknown>(directory, { shards: 2 });

const STRANGE_NAMES = [
  '',
  '.',
  '..',
  '../../x',
  '/etc',
  'C:\\x',
  'con',
  'CON',
  'nul',
  'com1',
  'a'.repeat(500),
  'A',
  'a',
  'é',
  'e\u0301',
  '\ud800',
  'a\0b',
  '~',
  '=',
  ' ',
];

describe('the folder of a name', () => {
  it('is one for each name, by case and form too, and no path', () => {
    const folders = STRANGE_NAMES.map(encodeFolderName);
    expect(new Set(folders.map((folder) => folder.toLowerCase().normalize('NFC'))).size).toBe(STRANGE_NAMES.length);
    for (const folder of folders) {
      expect(folder).toMatch(/^[a-z0-9_=~-]{1,120}$/);
      expect(folder).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)$/);
      expect(resolve('/root', folder)).toBe(`/root/${folder}`);
    }
  });

  it('leads back to the name', () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 19 });
    fc.assert(
      fc.property(units, (codes) => {
        const name = String.fromCharCode(...codes);
        expect(decodeFolderName('/nowhere', encodeFolderName(name))).toBe(name);
      }),
      { numRuns: 500 },
    );
    for (const folder of ['X', '=41', 'a b', '~00', '=0061', 'con'])
      expect(decodeFolderName('/nowhere', folder)).toBeUndefined();
  });
});

describe('named stores', () => {
  it('are each of their own, there again after reopening, listed and removed', () => {
    const directory = freshDirectory();
    {
      using fanout = open(directory);
      for (const [n, name] of STRANGE_NAMES.slice(0, 12).entries()) fanout.shard(name).set('n', n);
      fanout.cache('api', { ttl: 3_600_000 }).set('k', 1);
      fanout.index('settings').set('theme', 'dark');
      fanout.deque('jobs').push(1, 2);
      expect([fanout.size, readdirSync(directory).sort()]).toEqual([
        0,
        ['cache', 'deque', 'fanout.json', 'index', 'shard', 'shards'],
      ]);
    }
    using fanout = open(directory);
    expect(fanout.names('shard')).toEqual(STRANGE_NAMES.slice(0, 12).sort());
    for (const [n, name] of STRANGE_NAMES.slice(0, 12).entries()) expect(fanout.shard(name).get('n')).toBe(n);
    expect(NAMED_KINDS.map((kind) => fanout.names(kind).length)).toEqual([12, 1, 1, 1]);
    expect([fanout.cache('api').get('k'), fanout.index('settings').get('theme'), fanout.deque('jobs').shift()]).toEqual(
      [1, 'dark', 1],
    );
    const long = STRANGE_NAMES[10]!;
    expect([fanout.remove('shard', long), fanout.remove('shard', long)]).toEqual([true, false]);
    expect(fanout.names('shard')).not.toContain(long);
    expect(fanout.shard(long).get('n')).toBeUndefined();
    expect(fanout.check()).toEqual([]);
  });

  it('are opened once, and again when they were closed', () => {
    using fanout = open();
    const shard = fanout.shard('w');
    expect(fanout.shard('w')).toBe(shard);
    const cache = fanout.cache('c', { ttl: 5 });
    expect(fanout.cache('c', { ttl: 5 })).toBe(cache);
    expect(() => fanout.cache('c', { ttl: 6 })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    shard.set('k', 1);
    shard.close();
    expect(fanout.volume()).toBeGreaterThan(0);
    expect(fanout.shard('w').get('k')).toBe(1);
    expect(() => fanout.shard(5 as unknown as string)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it('that are shards have the settings of the whole, also when they are not open', async () => {
    using one = open();
    const refused = () => one.shard('w').configure({ sizeLimit: 5_000_000 });
    expect(refused).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringContaining('FanoutCache') }),
    );
    using other = open(one.directory);
    for (const name of ['w', 'closed']) {
      other.shard(name).set('k', 1);
      other.shard(name).close();
    }
    one.configure({ ttl: 60_000, fileThreshold: 50 });
    await new Promise(setImmediate);
    expect(other.shard('w').getEntry('k')?.expiresAt).toBeUndefined();
    other.shard('w').set('k', 'x'.repeat(100));
    expect(other.shard('w').getEntry('k')?.expiresAt).toBeGreaterThan(0);
    other.close();
    // Read past the engine, for opening it as a shard would put it right.
    one.close();
    const database = new Database(join(one.directory, 'shard', 'closed', 'cache.db'), { readonly: true });
    const kept = database.prepare("SELECT value FROM setting WHERE name = 'fileThreshold'").pluck().get();
    database.close();
    expect(kept).toBe(50);
  });

  it('that one handle removes are gone for another one, too', () => {
    using one = open();
    using other = open(one.directory);
    one.shard('w').set('k', 1);
    expect(other.shard('w').get('k')).toBe(1);
    other.shard('w').close();
    expect(one.remove('shard', 'w')).toBe(true);
    expect(existsSync(join(one.directory, 'shard', 'w'))).toBe(false);
    expect(other.names('shard')).toEqual([]);
    expect(other.shard('w').get('k')).toBeUndefined();
  });

  it('that are open elsewhere are not removed: BUSY, and everything stays', () => {
    using one = open();
    using other = open(one.directory);
    one.index('i').set('k', 1);
    one.deque('d').push(1);
    one.cache('c').set('k', 1);
    const uses = [() => other.index('i'), () => other.deque('d'), () => other.cache('c')];
    for (const [n, kind] of (['index', 'deque', 'cache'] as const).entries()) {
      const store = uses[n]!();
      const name = kind[0]!;
      expect(() => one.remove(kind, name)).toThrow(expect.objectContaining({ code: 'BUSY' }));
      expect([one.names(kind), store.volume() > 0]).toEqual([[name], true]);
      store.close();
      expect([one.remove(kind, name), one.remove(kind, name), one.names(kind)]).toEqual([true, false, []]);
    }
    one.cache('damaged').close();
    writeFileSync(join(one.directory, 'cache', 'damaged', 'cache.db'), 'no database any more'.repeat(100));
    expect(one.remove('cache', 'damaged')).toBe(true);
  });
});
