import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, Index, salvage } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { corruptPages, getDatabasePath, getLeafPages, getRootPage } from './damaged-file.ts';
import { freshDirectory } from './fresh-directory.ts';

const LARGE = 'large '.repeat(20_000);

function fillIndex(directory: string, options: object = {}, items = 500): void {
  using index = new Index<string | [string, number], unknown>(directory, options);
  for (let n = 0; n < items; n++) index.set(n % 2 === 0 ? `key ${n}` : ['tuple', n], `value ${n} ${'x'.repeat(150)}`);
  index.set('large', LARGE);
  index.set('long', 'long '.repeat(3000));
  index.set('number', 1.5);
  index.set('bytes', Uint8Array.of(1, 2, 3));
  index.set('map', new Map([[1, new Date(5)]]));
}

const spoilHeader = (directory: string): void => corruptPages(directory, [1]);

describe('salvage', () => {
  it('writes every item of a database without a header into a new store, in its order', () => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    fillIndex(source, { version: 3 });
    using intact = new Index(source, { version: 3 });
    const entries = [...intact];
    intact.close();
    spoilHeader(source);
    expect(salvage(source, target, { kind: 'index' })).toEqual({
      saved: entries.length,
      fromBackup: 0,
      damagedItems: 0,
      damagedPages: 1,
    });
    using index = new Index(target, { version: 3 });
    expect([...index]).toEqual(entries);
    expect(index.check()).toEqual([]);
  });

  it('leaves the damaged store as it is, and shares its value files', () => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    fillIndex(source);
    spoilHeader(source);
    const before = readFileSync(getDatabasePath(source));
    salvage(source, target, { kind: 'index' });
    expect(readFileSync(getDatabasePath(source)).equals(before)).toBe(true);
    const [file] = readdirSync(join(source, 'values'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.val'),
    );
    expect(statSync(join(target, 'values', file!)).ino).toBe(statSync(join(source, 'values', file!)).ino);
  });

  it('finds items below an inner page that is lost, and counts what it can’t read', () => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    fillIndex(source);
    const [lost] = getLeafPages(source, 'entry').slice(3);
    const rows = readFileSync(getDatabasePath(source)).readUInt16BE((lost! - 1) * 4096 + 3);
    corruptPages(source, [getRootPage(source, 'entry'), getRootPage(source, 'entry_key'), lost!]);
    const { saved, damagedPages } = salvage(source, target, { kind: 'index' });
    expect({ saved, damagedPages }).toEqual({ saved: 505 - rows, damagedPages: 3 });
  });

  it('counts an item whose file is damaged, and one whose value is', () => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    fillIndex(source);
    const [file] = readdirSync(join(source, 'values'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.val'),
    );
    writeFileSync(join(source, 'values', file!), 'other bytes');
    const bytes = readFileSync(getDatabasePath(source));
    bytes[bytes.indexOf('value 44 ')]! ^= 1;
    bytes.fill(0, 0, 50);
    writeFileSync(getDatabasePath(source), bytes);
    expect(salvage(source, target, { kind: 'index' })).toMatchObject({ saved: 503, damagedItems: 2 });
    using index = new Index(target);
    expect([index.has('large'), index.has('key 44'), index.has('key 46')]).toEqual([false, false, true]);
  });

  it.each([4096, 1024])('reads pages of %i bytes without a header', (pageBytes) => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    using cache = new Cache<number, string>(source, { sizeLimit: pageBytes === 1024 ? 500_000 : 5_000_000 });
    for (let n = 0; n < 300; n++) cache.set(n, `value ${n}`);
    cache.close();
    const bytes = readFileSync(getDatabasePath(source));
    expect(bytes.readUInt16BE(16)).toBe(pageBytes);
    writeFileSync(getDatabasePath(source), bytes.fill(0, 0, 100));
    expect(salvage(source, target, { kind: 'cache' }).saved).toBe(300);
  });

  it('keeps the positions of a deque, and closes the gaps at a repair', () => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    using deque = new Deque<string>(source, { maxLength: 1000 });
    for (let n = 0; n < 300; n++) deque.push(`value ${n} ${'x'.repeat(100)}`);
    for (let n = 1; n < 50; n++) deque.unshift(`value ${-n}`);
    const values = [...deque];
    deque.close();
    corruptPages(source, [1, getLeafPages(source, 'entry')[4]!]);
    const { saved } = salvage(source, target, { kind: 'deque' });
    using restored = new Deque<string>(target);
    restored.check({ repair: true });
    expect(restored.maxLength).toBe(1000);
    expect(restored.length).toBe(saved);
    expect([...restored]).toEqual(values.filter((value) => [...restored].includes(value)));
    expect(restored.check()).toEqual([]);
  });

  it('takes nothing of a backup of another version of the data', () => {
    const [source, backup, root] = [freshDirectory(), freshDirectory(), freshDirectory()];
    fillIndex(source, { version: 2 });
    fillIndex(backup, { version: 1 });
    corruptPages(source, [1, getLeafPages(source, 'entry')[2]!]);
    expect(salvage(source, join(root, 'a'), { kind: 'index', backup })).toMatchObject({ fromBackup: 0 });
    new Index(backup, { version: 2, migrate: () => {} }).close();
    const { saved, fromBackup } = salvage(source, join(root, 'b'), { kind: 'index', backup });
    expect(saved + fromBackup).toBe(505);
    expect(fromBackup).toBeGreaterThan(0);
  });

  it.each([false, true])('keeps a sealed store sealed, without its key; exclusive: %s', (exclusive) => {
    const [source, target] = [freshDirectory(), join(freshDirectory(), 'new')];
    const encryptionKey = new Uint8Array(32).fill(3);
    fillIndex(source, { encryptionKey, exclusive });
    spoilHeader(source);
    expect(salvage(source, target, { kind: 'index' })).toMatchObject({ saved: 505 });
    expect(() => new Index(target)).toThrow(errorMatching('WRONG_KEY'));
    using index = new Index<string, unknown>(target, { encryptionKey });
    expect([index.get('large'), index.get('key 4')]).toEqual([LARGE, expect.stringContaining('value 4')]);
    expect(index.check()).toEqual([]);
  });

  it('refuses a target that exists, and a source that does not', () => {
    const [source, target] = [freshDirectory(), freshDirectory()];
    fillIndex(source, {}, 1);
    expect(() => salvage(source, target, { kind: 'index' })).toThrow(errorMatching('BAD_OPTION'));
    expect(() => salvage(join(source, 'no'), join(target, 'new'), { kind: 'index' })).toThrow(
      errorMatching('BAD_OPTION'),
    );
  });
});
