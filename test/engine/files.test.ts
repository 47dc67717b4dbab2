import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const large = (mark: string) => mark.repeat(50_000);
const open = (directory = freshDirectory(), options: CacheOptions = {}) =>
  new Cache<string, unknown>(directory, options);

function listFiles(cache: Cache<string, unknown>): string[] {
  const all = readdirSync(cache.directory, { recursive: true, withFileTypes: true });
  return all.filter((file) => file.name.endsWith('.val')).map((file) => join(file.parentPath, file.name));
}

function throwError(): never {
  throw new Error('on purpose');
}

describe('values in files', () => {
  it('come and go with their items', () => {
    using cache = open(freshDirectory(), { durability: 'power' });
    cache.set('a', large('a'));
    cache.set(
      'b',
      Uint8Array.from({ length: 40_000 }, (_, n) => n),
    );
    expect(listFiles(cache)).toHaveLength(2);
    cache.set('a', 'small');
    expect(listFiles(cache)).toHaveLength(1);
    cache.set('b', large('b'));
    cache.set('b', large('c'));
    expect(listFiles(cache)).toHaveLength(1);
    cache.delete('b');
    expect(listFiles(cache)).toHaveLength(0);
    cache.set('a', large('a'));
    expect(cache.pop('a')).toBe(large('a'));
    cache.set('a', large('a'));
    cache.clear();
    expect(listFiles(cache)).toHaveLength(0);
  });

  it.each<[string, (cache: Cache<string, unknown>) => void]>([
    ['overwriting', (cache) => cache.set('k', large('new'))],
    ['deleting', (cache) => cache.delete('k')],
    ['popping', (cache) => cache.pop('k')],
    ['clearing', (cache) => cache.clear()],
    ['evicting', (cache) => cache.evict('t')],
  ])('survive %s that is rolled back', (_name, change) => {
    using cache = open();
    cache.set('k', large('k'), { tag: 't' });
    const doomed = () =>
      cache.transact(() => {
        cache.transact(() => change(cache));
        cache.set('other', large('other'));
        throwError();
      });
    expect(doomed).toThrow('on purpose');
    expect(cache.get('k')).toBe(large('k'));
    expect(listFiles(cache)).toHaveLength(1);
    expect([...cache.keys()]).toEqual(['k']);
  });

  it('of an inner transaction that failed are gone, those of the outer one stay', () => {
    using cache = open();
    cache.transact(() => {
      cache.set('a', large('a'));
      expect(() =>
        cache.transact(() => {
          cache.set('a', large('b'));
          throwError();
        }),
      ).toThrow('on purpose');
      expect(cache.get('a')).toBe(large('a'));
    });
    expect(cache.get('a')).toBe(large('a'));
    expect(listFiles(cache)).toHaveLength(1);
  });

  it('leave nothing when the item is refused', () => {
    using cache = open();
    cache.set('k', 1);
    expect(cache.add('k', large('k'))).toBe(false);
    expect(() => cache.set('l', large('l'), { tag: {} as string })).toThrow();
    using other = new Cache<string, unknown>(cache.directory, { timeout: 0 });
    cache.transact(() => expect(() => other.set('m', large('m'))).toThrow(expect.objectContaining({ code: 'BUSY' })));
    expect(listFiles(cache)).toHaveLength(0);
  });

  it.each<[string, (path: string) => void]>([
    ['missing', (path) => rmSync(path)],
    ['short', (path) => writeFileSync(path, 'k'.repeat(49_999))],
    ['long', (path) => writeFileSync(path, 'k'.repeat(50_001))],
    ['damaged', (path) => writeFileSync(path, `x${'k'.repeat(49_999)}`)],
  ])('that are %s are reported by every verb, and none hangs', (_name, damage) => {
    using cache = open();
    const corrupt = expect.objectContaining({ code: 'CORRUPT', message: expect.stringContaining('"k"') });
    cache.set('k', large('k'));
    damage(listFiles(cache)[0]!);
    expect(() => cache.get('k')).toThrow(corrupt);
    expect(() => cache.getMany(['k'])).toThrow(corrupt);
    expect(() => cache.getEntry('k')).toThrow(corrupt);
    expect(() => cache.peekItem()).toThrow(corrupt);
    expect(() => cache.pop('k')).toThrow(corrupt);
    expect(() => [...cache.values()]).toThrow(corrupt);
    expect(cache.has('k')).toBe(true);
    expect([...cache.keys()]).toEqual(['k']);
    cache.set('k', large('l'));
    expect(cache.get('k')).toBe(large('l'));
    expect(cache.delete('k')).toBe(true);
  });

  it('at the head of a queue are reported once and do not block it', () => {
    using cache = open();
    cache.push(large('k'));
    cache.push('next');
    rmSync(listFiles(cache)[0]!);
    expect(() => cache.peek()).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(() => cache.pull()).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(cache.pull()?.[1]).toBe('next');
  });

  it('count in the volume', () => {
    using cache = open();
    const empty = cache.volume();
    for (let n = 0; n < 5; n++) cache.set(String(n), large('k'));
    const stored = listFiles(cache).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(cache.volume()).toBeGreaterThanOrEqual(empty + stored);
    cache.clear();
    expect(cache.volume()).toBeLessThan(empty + 100_000);
  });
});
