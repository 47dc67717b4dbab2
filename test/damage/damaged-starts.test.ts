import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DamageReport } from '../../main/damage/report.ts';
import { Cache, Index, Settings } from '../../main/engine/index.ts';
import { corruptPages, getLeafPages, getRootPage } from '../engine/damaged-file.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { databaseOf, fillHost, ITEMS, openHost, toValue } from './damaged-host.ts';

let filled: string;

beforeAll(() => {
  filled = fillHost(mkdtempSync(join(tmpdir(), 'deskcache-filled-')));
});

afterAll(() => rmSync(filled, { recursive: true }));

function copyHost(): string {
  const directory = freshDirectory();
  cpSync(filled, directory, { recursive: true });
  return directory;
}

const garbage = (path: string): void => writeFileSync(path, 'garbage '.repeat(4000));

const garbageHeader = (path: string): void => {
  const bytes = readFileSync(path);
  bytes.fill(0xee, 0, 100);
  writeFileSync(path, bytes);
};

type Damage = readonly [name: string, damage: (directory: string) => void];

const DAMAGES: readonly Damage[] = [
  ['garbage', (directory) => garbage(databaseOf(directory))],
  ['a garbage header', (directory) => garbageHeader(databaseOf(directory))],
  ['a file that is cut', (directory) => truncateSync(databaseOf(directory), 5 * 4096)],
  ['a file that is missing beside its value files', (directory) => rmSync(databaseOf(directory))],
  ['a first page that is lost', (directory) => corruptPages(directory, [1])],
  ['a root of the table that is lost', (directory) => corruptPages(directory, [1, getRootPage(directory, 'entry')])],
];

const KINDS = ['pages', 'notes', 'log', 'prefs', '_queues/mail'] as const;

function useAll(directory: string, reports: DamageReport[] = []): ReturnType<typeof openHost> {
  const host = openHost(directory, { onDamaged: (report) => reports.push(report) });
  host.queues.find('mail');
  host.windows.attach('main', 'persistent').open();
  return host;
}

describe('a host with a damaged store', () => {
  describe.each(DAMAGES)('%s', (_, damage) => {
    it.each(KINDS)('opens with the damaged store %s, keeps it, and tells of it', (store) => {
      const directory = copyHost();
      damage(join(directory, store));
      const before = existsSync(databaseOf(directory, store)) ? readFileSync(databaseOf(directory, store)) : undefined;
      const told: DamageReport[] = [];
      const host = useAll(directory, told);
      expect(told).toEqual(host.guard.reports);
      expect(told).toHaveLength(1);
      const [report] = told;
      expect(report).toMatchObject({ store, outcome: store === 'pages' ? 'set-aside' : 'restored' });
      expect(report!.found).toContain(join(directory, store));
      if (before !== undefined) expect(readFileSync(join(report!.keptIn!, 'cache.db')).equals(before)).toBe(true);
      host.close();
      const again = useAll(directory, told);
      expect(told).toHaveLength(1);
      again.close();
    });
  });

  it('keeps every item of the stores that are restored, where only the header is damaged', () => {
    const directory = copyHost();
    for (const store of KINDS) garbageHeader(databaseOf(directory, store));
    const host = useAll(directory);
    const { pages, notes, log, prefs } = host.stores;
    expect(pages.size).toBe(0);
    expect([...notes]).toEqual(Array.from({ length: ITEMS }, (_, n) => [`key ${n}`, toValue(n)]));
    expect([...log]).toEqual(Array.from({ length: ITEMS }, (_, n) => toValue(n)));
    expect(prefs.all()).toEqual({ theme: 'dark', zoom: 2, user: { name: 'Ada' } });
    expect(host.queues.find('mail').counts()).toMatchObject({ ready: ITEMS });
    for (const store of [notes, log, prefs, host.queues.find('mail')]) expect(store.check()).toEqual([]);
    host.close();
  });

  it('keeps the items of all other pages where one of a table is lost with the inner page above it', () => {
    const directory = copyHost();
    const store = join(directory, 'notes');
    const [, lost] = getLeafPages(store, 'entry');
    const rows = (page: number) => readFileSync(databaseOf(store)).readUInt16BE((page - 1) * 4096 + 3);
    const missing = rows(lost!);
    corruptPages(store, [1, getRootPage(store, 'entry'), getRootPage(store, 'entry_key'), lost!]);
    const host = openHost(directory);
    expect(host.stores.notes.size).toBe(ITEMS - missing);
    expect(host.guard.reports).toMatchObject([{ saved: ITEMS - missing, damagedPages: 4, fromBackup: 0 }]);
    for (const [key, value] of host.stores.notes) expect(value).toBe(toValue(Number(key.slice(4))));
    host.close();
  });

  it('takes what is lost from the newest backup in which everything can be read', () => {
    const directory = copyHost();
    for (const [stamp, value, file] of [
      ['2026-11-01T04-10-00Z', 'old', 'backup.json'],
      ['2026-11-02T04-10-00Z', 'newer', 'backup.json'],
      ['2026-11-03T04-10-00Z', 'unfinished', 'other.json'],
    ] as const) {
      const backup = new Index<string, string>(join(directory, '_backups', stamp, 'notes'));
      for (let n = 0; n < ITEMS; n++) backup.set(`key ${n}`, value);
      backup.close();
      writeFileSync(join(directory, '_backups', stamp, file), '{}');
    }
    const store = join(directory, 'notes');
    corruptPages(store, [1, getLeafPages(store, 'entry')[1]!]);
    const host = openHost(directory);
    const values = [...host.stores.notes.values()];
    expect(values).toHaveLength(ITEMS);
    const [report] = host.guard.reports;
    expect(values.filter((value) => value === 'newer')).toHaveLength(report!.fromBackup);
    expect(report!.fromBackup).toBeGreaterThan(0);
    expect(report!.saved + report!.fromBackup).toBe(ITEMS);
    host.close();
  });

  it('keeps changes that are only in the write journal', () => {
    const directory = fillHost(freshDirectory());
    const host = openHost(directory);
    for (let n = 0; n < 20; n++) host.stores.notes.set(`pending ${n}`, 'in the journal');
    const copy = freshDirectory();
    cpSync(directory, copy, { recursive: true });
    host.close();
    expect(readdirSync(join(copy, 'notes'))).toContain('journal-0');
    garbageHeader(databaseOf(copy, 'notes'));
    rmSync(join(copy, 'notes', 'cache.db-shm'), { force: true });
    const restored = openHost(copy);
    expect(restored.stores.notes.get('pending 19')).toBe('in the journal');
    expect(restored.stores.notes.size).toBe(ITEMS + 20);
    restored.close();
  });

  it('does not bring back what was deleted', () => {
    const directory = copyHost();
    const host = openHost(directory);
    for (let n = 0; n < ITEMS; n += 2) host.stores.notes.delete(`key ${n}`);
    for (let n = 0; n < ITEMS - 10; n++) host.stores.log.shift();
    host.close();
    for (const store of ['notes', 'log']) garbageHeader(databaseOf(directory, store));
    const again = openHost(directory);
    expect(again.stores.notes.size).toBe(ITEMS / 2);
    expect(again.stores.log.length).toBe(10);
    again.close();
  });
});

describe('a FanoutCache and the shards of windows', () => {
  it.each<Damage>([
    ['a garbage manifest', (directory) => garbage(join(directory, 'images', 'fanout.json'))],
    ['a missing manifest', (directory) => rmSync(join(directory, 'images', 'fanout.json'))],
    ['a missing shard', (directory) => rmSync(join(directory, 'images', 'shards', '001'), { recursive: true })],
    ['a garbage shard', (directory) => garbage(databaseOf(directory, 'images', 'shards', '001'))],
  ])('are set aside with %s', (_, damage) => {
    const directory = copyHost();
    damage(directory);
    const host = openHost(directory);
    expect(host.guard.reports).toMatchObject([{ store: 'images', outcome: 'set-aside' }]);
    expect(host.stores.images.size).toBe(0);
    host.stores.images.set('a', 'b');
    expect(existsSync(host.guard.reports[0]!.keptIn!)).toBe(true);
    host.close();
  });

  it('leaves an index inside of a FanoutCache in its place', () => {
    const directory = copyHost();
    const first = openHost(directory);
    first.stores.images.index('kept').set('a', 1);
    first.close();
    garbage(databaseOf(directory, 'images', 'shards', '000'));
    const host = openHost(directory);
    expect(host.stores.images.size).toBe(0);
    expect(host.stores.images.index('kept').get('a')).toBe(1);
    host.close();
  });

  it('sets the damaged shard of one window aside', () => {
    const directory = copyHost();
    const first = openHost(directory);
    first.windows.attach('other', 'persistent').open().set('panel', 'open');
    first.close();
    garbage(databaseOf(directory, '_windows', 'shard', 'forever-main'));
    const host = openHost(directory);
    host.windows.attach('other', 'persistent').open().set('more', 'x'.repeat(5000));
    expect(host.windows.attach('main', 'persistent').open().get('panel')).toBeUndefined();
    expect(host.windows.attach('other', 'persistent').open().get('panel')).toBe('open');
    expect(host.guard.reports).toMatchObject([{ store: '_windows/shard/forever-main', kind: 'cache' }]);
    host.close();
  });
});

describe('the option onDamage', () => {
  it('refuses a damaged store, and leaves it as it is', () => {
    const directory = copyHost();
    garbage(databaseOf(directory, 'notes'));
    const before = readdirSync(join(directory, 'notes')).sort();
    expect(() => openHost(directory, { onDamage: 'refuse' })).toThrow(errorMatching('CORRUPT'));
    expect(readdirSync(join(directory, 'notes')).sort()).toEqual(before);
    expect(existsSync(join(directory, '_damaged'))).toBe(false);
  });

  it('restores a cache, and sets an index aside', () => {
    const directory = copyHost();
    for (const store of ['pages', 'notes']) garbageHeader(databaseOf(directory, store));
    const restoring = openHost(directory, { onDamage: 'restore' });
    expect(restoring.stores.pages.size).toBe(ITEMS);
    expect(restoring.stores.pages.get('key 7')).toBe(toValue(7));
    expect(restoring.stores.pages.check()).toEqual([]);
    restoring.close();
    garbageHeader(databaseOf(directory, 'notes'));
    const other = openHost(directory, { onDamage: 'set-aside' });
    expect(other.stores.notes.size).toBe(0);
    other.close();
  });

  it('in a declaration is stronger than that of the host', () => {
    const directory = freshDirectory();
    new Index(join(directory, 'a')).close();
    garbage(databaseOf(directory, 'a'));
    const declare = (onDamage: 'refuse' | 'restore') =>
      ({ a: { kind: 'index', options: { onDamage } } }) as Parameters<typeof openHost>[2];
    expect(() => openHost(directory, { onDamage: 'restore' }, declare('refuse'))).toThrow(errorMatching('CORRUPT'));
    openHost(directory, { onDamage: 'refuse' }, declare('restore')).close();
  });

  it('refuses anything else', () => {
    const declared = { a: { kind: 'index', options: { onDamage: 'ignore' } } } as never;
    expect(() => openHost(freshDirectory(), {}, declared)).toThrow(errorMatching('BAD_OPTION'));
    expect(() => openHost(freshDirectory(), { onDamage: 'ignore' as never })).toThrow(errorMatching('BAD_OPTION'));
  });
});

describe('what isn’t damage', () => {
  const openRefused = (directory: string, code: 'BUSY' | 'UNSUPPORTED_VERSION' | 'BAD_OPTION') => {
    expect(() => openHost(directory, { exclusive: 'none' })).toThrow(errorMatching(code));
    expect(existsSync(join(directory, '_damaged'))).toBe(false);
  };

  it('a store that another connection owns', () => {
    const directory = copyHost();
    const owner = new Index(join(directory, 'notes'), { exclusive: true });
    openRefused(directory, 'BUSY');
    owner.close();
  });

  it('a database of another program', () => {
    const directory = copyHost();
    rmSync(databaseOf(directory, 'notes'));
    const other = new Database(databaseOf(directory, 'notes'));
    other.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, key TEXT); PRAGMA application_id = 7');
    other.close();
    openRefused(directory, 'UNSUPPORTED_VERSION');
  });

  it('a newer version', () => {
    const directory = copyHost();
    const bytes = readFileSync(databaseOf(directory, 'notes'));
    bytes.writeUInt32BE(9, 60);
    writeFileSync(databaseOf(directory, 'notes'), bytes);
    openRefused(directory, 'UNSUPPORTED_VERSION');
  });

  it('a directory in the place of the database', () => {
    const directory = copyHost();
    rmSync(databaseOf(directory, 'notes'));
    mkdirSync(databaseOf(directory, 'notes'));
    openRefused(directory, 'BAD_OPTION');
  });

  it('a store of another kind', () => {
    const directory = copyHost();
    rmSync(join(directory, 'notes'), { recursive: true });
    const cache = new Cache(join(directory, 'notes'));
    cache.set('a', 1);
    cache.close();
    openRefused(directory, 'BAD_OPTION');
  });
});

describe('damage that a call meets in an open store', () => {
  it('is told, and repaired at the next start', async () => {
    const directory = copyHost();
    const store = join(directory, 'notes');
    const lost = getLeafPages(store, 'entry')[2]!;
    corruptPages(store, [lost]);
    const told: DamageReport[] = [];
    const host = openHost(directory, { onDamaged: (report) => told.push(report) });
    expect(told).toEqual([]);
    expect(() => [...host.stores.notes]).toThrow(errorMatching('CORRUPT'));
    expect(() => [...host.stores.notes]).toThrow(errorMatching('CORRUPT'));
    await Promise.resolve();
    expect(told).toMatchObject([{ store: 'notes', outcome: 'noticed', keptIn: undefined }]);
    host.close();
    const next = openHost(directory);
    expect(next.guard.reports).toMatchObject([{ store: 'notes', outcome: 'restored', damagedPages: 1 }]);
    const items = [...next.stores.notes];
    expect(items).toHaveLength(next.guard.reports[0]!.saved);
    expect(items.length).toBeGreaterThan(ITEMS / 2);
    next.close();
    const last = openHost(directory);
    expect(last.guard.reports).toEqual([]);
    last.close();
  });
});

describe('a start that ends a replacement that a killed process had begun', () => {
  it('gives a complete fresh store its place, and tells of it', () => {
    const directory = copyHost();
    garbageHeader(databaseOf(directory, 'notes'));
    const host = openHost(directory);
    const [report] = host.guard.reports;
    host.close();
    // As after a kill between the two renames.
    cpSync(join(directory, 'notes'), `${report!.keptIn}.fresh`, { recursive: true });
    rmSync(join(directory, 'notes'), { recursive: true });
    const next = openHost(directory);
    expect(next.guard.reports).toEqual([report]);
    expect(next.stores.notes.size).toBe(ITEMS);
    next.close();
  });

  it('removes a fresh store that may be incomplete, and begins again', () => {
    const directory = copyHost();
    garbageHeader(databaseOf(directory, 'notes'));
    mkdirSync(join(directory, '_damaged', 'notes-2026-12-01T04-10-00Z.fresh'), { recursive: true });
    const host = openHost(directory);
    expect(host.stores.notes.size).toBe(ITEMS);
    expect(readdirSync(join(directory, '_damaged')).filter((name) => name.endsWith('.fresh'))).toEqual([]);
    host.close();
  });
});

describe('settings that have lost the entry about them', () => {
  it('keep their values, and run no migration again', () => {
    const directory = freshDirectory();
    const migrate = vi.fn();
    const open = () =>
      new Settings(directory, { defaults: { theme: 'light', user: { name: '' } }, migrations: { 2: migrate } });
    const first = open();
    first.set('theme', 'dark');
    first.set('user.name', 'Ada');
    first.close();
    const index = new Index<string | readonly string[], unknown>(directory);
    index.delete(['settings']);
    index.close();
    const again = open();
    expect(again.all()).toEqual({ theme: 'dark', user: { name: 'Ada' } });
    expect(migrate).not.toHaveBeenCalled();
    again.close();
  });
});
