import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  type BackupOptions,
  type BackupProgress,
  type BackupResult,
  Cache,
  type CacheOptions,
  Deque,
  FanoutCache,
  Index,
  restore,
  Settings,
} from '../../main/engine/index.ts';
import { backUpTree } from '../../main/engine/internal.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from './fresh-directory.ts';

interface BackedUp extends Disposable {
  readonly directory: string;
  backup(path: string, options?: BackupOptions): Promise<BackupResult>;
}

const createTarget = () => join(freshDirectory(), 'copy');
const large = (n: number) => `${n} `.padEnd(50_000, 'x');

/** Everything that is in a directory, with the content of files. */
const list = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/-(wal|shm)$|reserve|^cache.db$/.test(basename(name)))
    .sort();

describe('backup of a store', () => {
  const kinds: Readonly<
    Record<string, { fill: (exclusive: boolean) => BackedUp; read: (directory: string) => unknown }>
  > = {
    cache: {
      fill(exclusive) {
        const cache = new Cache(freshDirectory(), { exclusive, tagIndex: true });
        for (let n = 0; n < 500; n++)
          cache.set(`key ${n}`, n % 50 ? { n } : large(n), { tag: `tag ${n % 3}`, ttl: 1e8 });
        return cache;
      },
      read(directory) {
        using cache = new Cache(directory);
        return [[...cache.entries()], cache.evict('tag 1'), cache.check()];
      },
    },
    index: {
      fill(exclusive) {
        const index = new Index(freshDirectory(), { exclusive });
        for (let n = 0; n < 300; n++) index.set(n % 7 ? [n, 'part'] : n, n % 100 ? n : large(n));
        return index;
      },
      read(directory) {
        using index = new Index(directory);
        return [...index.entries()];
      },
    },
    deque: {
      fill(exclusive) {
        const deque = new Deque(freshDirectory(), { exclusive });
        for (let n = 0; n < 300; n++) n % 2 ? deque.push(n) : deque.unshift(n);
        return deque;
      },
      read(directory) {
        using deque = new Deque(directory);
        return [[...deque], deque.check()];
      },
    },
    settings: {
      fill(exclusive) {
        const settings = new Settings(freshDirectory(), { defaults: { theme: 'light', size: 3 }, exclusive });
        settings.set('theme', 'dark');
        return settings;
      },
      read(directory) {
        using settings = new Settings(directory, { defaults: { theme: 'light', size: 3 } });
        return settings.all();
      },
    },
    queue: {
      fill(exclusive) {
        const queue = new Queue(freshDirectory(), { exclusive });
        for (let n = 0; n < 50; n++) queue.enqueue({ n });
        return queue;
      },
      read(directory) {
        using queue = new Queue(directory);
        return [...queue.jobs('ready')];
      },
    },
    'fanout cache': {
      fill(exclusive) {
        const cache = new FanoutCache(freshDirectory(), { shards: 3, exclusive });
        for (let n = 0; n < 300; n++) cache.set(n, n % 100 ? n : large(n));
        cache.index('named').set('a', 1);
        return cache;
      },
      read(directory) {
        using cache = new FanoutCache(directory);
        return [
          [...cache.entries()].sort(([a], [b]) => Number(a) - Number(b)),
          cache.index('named').get('a'),
          cache.check(),
        ];
      },
    },
  };
  for (const [kind, { fill, read }] of Object.entries(kinds)) {
    it.each([false, true])(`opens like the ${kind}, exclusive: %s`, async (exclusive) => {
      const target = createTarget();
      const store = fill(exclusive);
      const result = await store.backup(target);
      expect(result.path).toBe(target);
      expect(JSON.parse(readFileSync(join(target, 'backup.json'), 'utf8'))).toMatchObject({
        format: 1,
        stores: result.stores,
      });
      expect(readdirSync(dirname(target))).toEqual(['copy']);
      const copied = read(target);
      const { directory } = store;
      store[Symbol.dispose]();
      expect(copied).toEqual(read(directory));
    });
  }

  it.each([false, true])('is of one moment while items are written and replaced, exclusive: %s', async (exclusive) => {
    using cache = new Cache<string, string>(freshDirectory(), { exclusive, sizeLimit: 2 ** 30 });
    const write = (round: number) =>
      cache.transact(() => {
        for (const key of ['a', 'b', 'c']) cache.set(key, large(round));
        cache.set('small', `${round}`);
      });
    for (let n = 0; n < 3000; n++) cache.set(`key ${n}`, 'v'.repeat(500));
    write(0);
    let [round, isDone] = [0, false];
    const target = createTarget();
    const backup = cache.backup(target).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      write(++round);
      await setImmediate();
    }
    await backup;
    expect(round).toBeGreaterThan(3);
    expect(cache.check()).toEqual([]);
    using copy = new Cache<string, string>(target);
    const moment = Number(copy.get('small'));
    for (const key of ['a', 'b', 'c']) expect(copy.get(key)).toBe(large(moment));
    expect(copy.check()).toEqual([]);
  });

  it('keeps the files of replaced values until it is done, and no longer', async () => {
    using cache = new Cache(freshDirectory(), { durability: 'power' });
    for (let n = 0; n < 20; n++) cache.set(`file ${n}`, large(n));
    const count = () => list(join(cache.directory, 'values')).filter((name) => name.endsWith('.val')).length;
    const target = createTarget();
    const backup = cache.backup(target);
    while (!readdirSync(dirname(target)).some((name) => name.includes('incomplete'))) await setImmediate();
    await setImmediate();
    cache.clear();
    expect(cache.size).toBe(0);
    expect(count()).toBe(20);
    await backup;
    expect(count()).toBe(0);
    expect(cache.check()).toEqual([]);
    using copy = new Cache(target);
    expect(copy.size).toBe(20);
  });

  it('tells how far it is, and in the end that all is done', async () => {
    using cache = new Cache(freshDirectory());
    for (let n = 0; n < 2000; n++) cache.set(`key ${n}`, n % 100 ? 'v'.repeat(200) : large(n));
    const told: BackupProgress[] = [];
    await cache.backup(createTarget(), { onProgress: (progress) => told.push(progress) });
    for (const phase of ['copy', 'check'] as const) {
      const ofPhase = told.filter((progress) => progress.phase === phase);
      expect(ofPhase.length).toBeGreaterThan(0);
      expect(ofPhase.map(({ done }) => done)).toEqual(ofPhase.map(({ done }) => done).sort((a, b) => a - b));
      expect(ofPhase.at(-1)!.done).toBe(ofPhase.at(-1)!.total);
    }
  });

  it('leaves nothing behind when it is cancelled', async () => {
    using cache = new Cache(freshDirectory());
    for (let n = 0; n < 2000; n++) cache.set(`key ${n}`, 'v'.repeat(500));
    const target = createTarget();
    const controller = new AbortController();
    const reason = new Error('the window was closed');
    const onProgress = () => controller.abort(reason);
    await expect(cache.backup(target, { signal: controller.signal, onProgress })).rejects.toBe(reason);
    expect(readdirSync(dirname(target))).toEqual([]);
    cache.set('goes on', 1);
    expect(cache.check()).toEqual([]);
  });

  const own = {
    name: 'own',
    encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
    decode: (bytes: Uint8Array) => JSON.parse(`${Buffer.from(bytes)}`) as unknown,
  };
  it.each<[string, CacheOptions]>([
    ['sealed', { encryptionKey: new Uint8Array(32).fill(7) }],
    ['sealed and exclusive', { encryptionKey: new Uint8Array(32).fill(7), exclusive: true }],
    ['of another codec', { codec: own }],
  ])('of a store that is %s needs neither key nor codec, nor does its restore', async (_, options) => {
    const target = createTarget();
    const directory = join(freshDirectory(), 'store');
    {
      using cache = new Cache(directory, options);
      for (let n = 0; n < 50; n++) cache.set(`key ${n}`, n % 10 ? { n } : large(n));
      await cache.backup(target);
      cache.clear();
    }
    await backUpTree(target, `${target} of the copy`);
    await restore(`${target} of the copy`, directory);
    using cache = new Cache(directory, options);
    expect([cache.get('key 1'), cache.get('key 10'), cache.check()]).toEqual([{ n: 1 }, large(10), []]);
  });

  it('replaces nothing', async () => {
    using cache = new Cache(freshDirectory());
    const target = createTarget();
    await cache.backup(target);
    const before = list(target);
    await expect(cache.backup(target)).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining(target),
    });
    expect(list(target)).toEqual(before);
  });

  it('of a damaged store is refused', async () => {
    const directory = freshDirectory();
    using cache = new Cache(directory);
    cache.set('file', large(1));
    const [file] = readdirSync(join(directory, 'values'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.val'),
    );
    writeFileSync(join(directory, 'values', file!), 'damaged');
    const target = createTarget();
    await expect(cache.backup(target)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('repair'),
    });
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  it.each([[{ signal: 1 }], [{ onProgress: 'x' }], [{ onprogress: () => {} }]])(
    'refuses the options %o',
    async (options) => {
      using cache = new Cache(freshDirectory());
      await expect(cache.backup(createTarget(), options as never)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    },
  );

  it('refuses a store that was closed', () => {
    const cache = new Cache(freshDirectory());
    cache.close();
    expect(() => cache.backup(createTarget())).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

describe('restore', () => {
  async function backUpAndChange() {
    const directory = join(freshDirectory(), 'store');
    const target = createTarget();
    const cache = new Cache(directory);
    cache.set('key', 'old');
    cache.set('file', large(1));
    await cache.backup(target);
    cache.set('key', 'new');
    return { directory, target, cache };
  }
  const read = (directory: string) => {
    using cache = new Cache(directory);
    return [cache.get('key'), cache.get('file'), cache.check()];
  };
  const OLD = ['old', large(1), []];

  it('puts a backup in the place of a directory, and keeps what was there', async () => {
    const { directory, target, cache } = await backUpAndChange();
    cache.close();
    const { previous, stores } = await restore(target, directory);
    expect(stores).toHaveLength(1);
    expect(read(directory)).toEqual(OLD);
    expect(read(previous!)[0]).toBe('new');
    expect(read(target)).toEqual(OLD);
    expect(readdirSync(dirname(directory)).sort()).toEqual(['store', basename(previous!)]);
  });

  it('restores one store of a backup of several', async () => {
    const host = freshDirectory();
    for (const name of ['notes', 'other']) {
      using index = new Index<string, string>(join(host, name));
      index.set('key', name);
    }
    const target = createTarget();
    expect((await backUpTree(host, target)).stores.map(({ folder }) => folder)).toEqual(['notes', 'other']);
    const directory = join(freshDirectory(), 'notes');
    expect((await restore(join(target, 'notes'), directory)).stores).toMatchObject([{ folder: '', items: 1 }]);
    using index = new Index<string, string>(directory);
    expect(index.get('key')).toBe('notes');
  });

  it('fills a directory that does not exist', async () => {
    const { target, cache } = await backUpAndChange();
    cache.close();
    const directory = join(freshDirectory(), 'deep', 'down');
    expect(await restore(target, directory)).toMatchObject({ previous: undefined, path: directory });
    expect(read(directory)).toEqual(OLD);
  });

  it.each([false, true])('refuses a directory whose store is open, exclusive: %s', async (exclusive) => {
    const { directory, target, cache } = await backUpAndChange();
    cache.close();
    using open = new Cache(directory, { exclusive });
    await expect(restore(target, directory)).rejects.toMatchObject({
      code: 'BUSY',
      message: expect.stringContaining(directory),
    });
    expect(open.get('key')).toBe('new');
    expect(readdirSync(dirname(directory))).toEqual(['store']);
  });

  it('refuses a backup that is not complete, and one that is damaged', async () => {
    const { directory, target, cache } = await backUpAndChange();
    cache.close();
    const summary = readFileSync(join(target, 'backup.json'));
    rmSync(join(target, 'backup.json'));
    await expect(restore(target, directory)).rejects.toMatchObject({ code: 'NO_SUCH_STORE' });
    writeFileSync(join(target, 'backup.json'), '{');
    await expect(restore(target, directory)).rejects.toMatchObject({ code: 'CORRUPT' });
    writeFileSync(join(target, 'backup.json'), '{"format":2,"date":"","stores":[]}');
    await expect(restore(target, directory)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' });
    writeFileSync(join(target, 'backup.json'), summary);
    const [file] = readdirSync(join(target, 'values'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.val'),
    );
    rmSync(join(target, 'values', file!));
    await expect(restore(target, directory)).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(read(directory)[0]).toBe('new');
    expect(readdirSync(dirname(directory))).toEqual(['store']);
  });

  it('is completed by the next opening if the process was killed between the two renames', async () => {
    const { directory, target, cache } = await backUpAndChange();
    cache.close();
    const { previous } = await restore(target, directory);
    renameSync(directory, `${directory}.restored`);
    expect(read(directory)).toEqual(OLD);
    expect(existsSync(`${directory}.restored`)).toBe(false);
    expect(existsSync(previous!)).toBe(true);
  });

  it('of a directory that is damaged keeps the damaged one', async () => {
    const { directory, target, cache } = await backUpAndChange();
    cache.close();
    writeFileSync(join(directory, 'cache.db'), 'garbage'.repeat(1000));
    const { previous } = await restore(target, directory);
    expect(read(directory)).toEqual(OLD);
    expect(readFileSync(join(previous!, 'cache.db'), 'utf8')).toContain('garbage');
  });

  it('of a sealed store needs no key, and notices a changed byte', async () => {
    const root = freshDirectory();
    const [directory, target] = [join(root, 'store'), join(root, 'backup')];
    const encryptionKey = Buffer.alloc(32, 7);
    const bytes = new Uint8Array(100_000).fill(1);
    using cache = new Cache(directory, { encryptionKey });
    cache.set('small', 'text');
    cache.set('large', bytes);
    cache.close();
    await backUpTree(directory, target);
    await restore(target, directory);
    expect(() => new Cache(directory)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    using restored = new Cache(directory, { encryptionKey });
    expect([restored.get('small'), restored.get('large')]).toEqual(['text', bytes]);
    restored.close();
    const [file] = readdirSync(join(target, 'values'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.val'),
    );
    const path = join(target, 'values', file!);
    const sealed = readFileSync(path);
    sealed[50_000]! ^= 1;
    rmSync(path);
    writeFileSync(path, sealed);
    await expect(restore(target, directory)).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});
