import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Queue } from '../../main/offline/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const failure = (code: string, says = /./) => expect.objectContaining({ code, message: expect.stringMatching(says) });
const LARGE = 'x'.repeat(50_000);
const database = (directory: string) => join(directory, 'cache.db');

/** Longer than the time in which a store trusts its last look. */
function outlastRecheckInterval(): void {
  for (const until = performance.now() + 10; performance.now() < until; );
}

describe.skipIf(process.platform === 'win32').each<'process' | 'power'>(['process', 'power'])(
  'with durability %s, a store under which its files went away says so at the next write:',
  (durability) => {
    it.each<[string, string, (at: string) => void]>([
      ['the directory was deleted', 'IO', (at) => rmSync(at, { recursive: true })],
      ['the directory was renamed', 'IO', (at) => renameSync(at, `${at}-away`)],
      [
        'another store took its place',
        'IO',
        (at) => {
          renameSync(at, `${at}-away`);
          new Cache(at).close();
        },
      ],
      ['the database was deleted', 'IO', (at) => rmSync(database(at))],
      ['its log was deleted', 'IO', (at) => rmSync(`${database(at)}-wal`)],
      ['its shared memory was deleted', 'IO', (at) => rmSync(`${database(at)}-shm`)],
      [
        'the database was replaced',
        'IO',
        (at) => {
          copyFileSync(database(at), `${at}-copy`);
          renameSync(`${at}-copy`, database(at));
        },
      ],
      ['the database was cut', 'CORRUPT', (at) => truncateSync(database(at), 0)],
    ])('%s', (_, code, meddle) => {
      const directory = join(freshDirectory(), 'store');
      const cache = new Cache<string, string>(directory, { durability });
      cache.set('before', 'there');
      meddle(directory);
      outlastRecheckInterval();
      const writes: (() => unknown)[] = [
        () => cache.set('k', 'small'),
        () => cache.set('k', LARGE),
        () => cache.setMany([['k', 'v']]),
        () => cache.add('k', 'v'),
        () => cache.delete('before'),
        () => cache.touch('before', { ttl: 5 }),
        () => cache.push('v'),
        () => cache.incr('n'),
        () => cache.transact(() => cache.set('k', 'v')),
      ];
      for (const write of writes) expect(write).toThrow(failure(code, /close the store/));
      cache.close();
    });
  },
);

/** Returns a store whose database file has most of its pages, and whose log holds others. */
function openGrownStore(durability: 'process' | 'power', fill: (cache: Cache<string, string>) => void) {
  const directory = join(freshDirectory(), 'store');
  const first = new Cache<string, string>(directory, { durability });
  for (let n = 0; n < 300; n++) first.set(`k${n}`, 'x'.repeat(2000));
  first.close();
  const cache = new Cache<string, string>(directory, { durability });
  fill(cache);
  outlastRecheckInterval();
  return cache;
}

describe
  .skipIf(process.platform === 'win32')
  .each<['process' | 'power', string, (cache: Cache<string, string>) => void]>([
    ['process', 'a short log', (cache) => cache.set('new', 'small')],
    ['power', 'a short log', (cache) => cache.set('new', 'small')],
    [
      'process',
      'a log that is longer than what is missing',
      (cache) => {
        for (let n = 0; n < 300; n++) cache.set('same', `${n}`);
      },
    ],
  ])(
  'with durability %s and %s, a database that is truncated to some of its pages while it is open',
  (durability, _, fill) => {
    it.each([1, 4096, 3 * 4096, 100 * 4096, -16 * 4096])('says so at every later write (%d bytes)', (bytes) => {
      const cache = openGrownStore(durability, fill);
      const path = database(cache.directory);
      truncateSync(path, bytes > 0 ? bytes : statSync(path).size + bytes);
      outlastRecheckInterval();
      for (const write of [
        () => cache.set('k', 'v'),
        () => cache.transact(() => cache.set('k', 'v')),
        () => cache.delete('k1'),
      ])
        expect(write).toThrow(failure(bytes === 1 ? 'CORRUPT' : 'IO', /truncated to .* close the store/));
      cache.close();
    });
  },
);

it('a database that SQLite itself makes smaller stays writable, also while the log holds its last pages', () => {
  using cache = openGrownStore('process', () => {});
  const other = new Database(database(cache.directory));
  const sizes = new Set<number>();
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 300; n++) cache.delete(`k${n}`);
    other.exec('VACUUM');
    other.pragma('wal_checkpoint(TRUNCATE)');
    sizes.add(statSync(database(cache.directory)).size);
    // Grows beyond the end of the file before this store looks at it.
    cache.transact(() => {
      for (let n = 0; n < 300; n++) cache.set(`k${n}`, 'y'.repeat(1000 * (round + 1)));
    });
    outlastRecheckInterval();
    cache.set('last', `${round}`);
    other.pragma('wal_checkpoint(PASSIVE)');
    sizes.add(statSync(database(cache.directory)).size);
  }
  expect(sizes.size).toBeGreaterThan(2);
  other.close();
  expect(cache.check()).toEqual([]);
});

it.skipIf(process.platform === 'win32')(
  'a value is not called damaged where another store took the place of its own',
  async () => {
    const [directory, other] = [join(freshDirectory(), 'store'), join(freshDirectory(), 'store')];
    for (const at of [directory, other]) new Cache(at).set('k', LARGE);
    const cache = new Cache<string, string>(directory);
    renameSync(directory, `${directory}-away`);
    renameSync(other, directory);
    for (const read of [() => cache.get('k'), () => cache.getEntry('k'), () => [...cache.values()]])
      expect(read).toThrow(failure('IO', /replaced while it was open/));
    await expect(cache.openReadStream('k')?.getReader().read()).rejects.toThrow(failure('IO', /replaced while/));
    cache.close();
  },
);

it.skipIf(process.platform === 'win32').each<['process' | 'power', number]>([
  ['process', 0],
  ['process', 400],
  ['power', 0],
])(
  'an older copy that takes the place of an open store loses nothing to it (durability %s, %d more)',
  (durability, more) => {
    const directory = join(freshDirectory(), 'store');
    const cache = new Cache<string, string>(directory, { durability });
    const names = Array.from({ length: 20 }, (_, n) => `k${n}`);
    for (const name of names) cache.set(name, LARGE);
    cpSync(directory, `${directory}-copy`, { recursive: true });
    for (const name of names) cache.set(name, `${LARGE}!`);
    renameSync(directory, `${directory}-away`);
    renameSync(`${directory}-copy`, directory);
    for (let n = 0; n < more; n++) {
      try {
        cache.delete(`k${n % 20}`);
      } catch (error) {
        expect(error).toEqual(failure('IO'));
      }
    }
    cache.close();
    using copy = new Cache<string, string>(directory);
    expect(copy.check()).toEqual([]);
    for (const name of names) expect(copy.get(name)).toBe(LARGE);
  },
);

it.skipIf(process.platform === 'win32')(
  'a transaction that began before the directory was deleted does not commit',
  () => {
    const directory = join(freshDirectory(), 'store');
    const index = new Index(directory);
    const write = () =>
      index.transact(() => {
        index.set('a', 1);
        rmSync(directory, { recursive: true });
        outlastRecheckInterval();
      });
    expect(write).toThrow(failure('IO'));
    index.close();
  },
);

it.skipIf(process.platform === 'win32')('collections say so, too', () => {
  for (const open of [
    (at: string) => new Deque(at),
    (at: string) => new Queue(at),
    (at: string) => new FanoutCache(at),
  ]) {
    const directory = join(freshDirectory(), 'store');
    const store = open(directory);
    rmSync(directory, { recursive: true });
    outlastRecheckInterval();
    const write = () =>
      store instanceof Deque ? store.push(1) : store instanceof Queue ? store.enqueue(1) : store.set('k', 1);
    expect(write).toThrow(failure('IO'));
    store.close();
  }
});

it('a format that a newer deskcache has raised is neither written nor read', () => {
  using cache = new Cache<string, number>(freshDirectory());
  cache.set('a', 1);
  const other = new Database(database(cache.directory));
  other.pragma('user_version = 999');
  other.close();
  outlastRecheckInterval();
  expect(() => cache.set('b', 2)).toThrow(failure('UNSUPPORTED_VERSION', /format version 999/));
  expect(() => cache.get('b')).toThrow(failure('UNSUPPORTED_VERSION'));
});

const KINDS: Readonly<Record<string, (at: string) => { close(): void; add(value: string): unknown }>> = {
  Index: (at) => {
    const index = new Index<string, string>(at);
    return { close: () => index.close(), add: (value) => index.set(value.slice(0, 3), value) };
  },
  Deque: (at) => {
    const deque = new Deque<string>(at);
    return { close: () => deque.close(), add: (value) => deque.push(value) };
  },
  Queue: (at) => {
    const queue = new Queue(at);
    return { close: () => queue.close(), add: (value) => queue.enqueue(value) };
  },
};

describe.each(Object.keys(KINDS))('%s: a store that has lost its database is not created again', (kind) => {
  const open = KINDS[kind]!;

  it.each(['cut to nothing', 'deleted'])('%s', (what) => {
    const directory = join(freshDirectory(), 'store');
    const store = open(directory);
    for (const value of ['small', LARGE]) store.add(value);
    store.close();
    if (what === 'deleted') rmSync(database(directory));
    else truncateSync(database(directory), 0);
    const before = readdirSync(directory, { recursive: true }).sort();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => open(directory)).toThrow(failure('CORRUPT', /Restore the file, or delete the directory/));
    }
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual(before);
    expect(() => new Cache(directory, { readOnly: true })).toThrow(failure('CORRUPT'));
    rmSync(directory, { recursive: true });
    open(directory).close();
  });

  it('whose last writes are in the log alone, of a process that was killed: the log stays', () => {
    const directory = join(freshDirectory(), 'store');
    const killed = join(freshDirectory(), 'killed');
    const store = open(directory);
    store.add('small');
    cpSync(directory, killed, { recursive: true });
    store.close();
    truncateSync(database(killed), 0);
    const { size } = statSync(`${database(killed)}-wal`);
    expect(size).toBeGreaterThan(0);
    expect(() => open(killed)).toThrow(failure('CORRUPT', /write-ahead log/));
    expect(statSync(`${database(killed)}-wal`).size).toBe(size);
  });
});

it('a directory whose maker died before it had made anything is a new one', () => {
  const directory = freshDirectory();
  mkdirSync(join(directory, 'values'));
  writeFileSync(database(directory), '');
  using cache = new Cache(directory);
  cache.set('k', 1);
  expect(cache.get('k')).toBe(1);
  expect(readFileSync(database(directory)).length).toBeGreaterThan(0);
});
