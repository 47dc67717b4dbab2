import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import { type Host, type HostOptions, openDiskCache } from '../../main/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { cache, defineStores, deque, fanout, index, settings } from '../../protocol/stores.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const electron = vi.hoisted(() => ({ app: {} as EventEmitter, isLocked: true }));
vi.mock('electron', () => ({ app: electron.app, net: {}, protocol: { isProtocolHandled: () => false } }));
Object.assign(electron.app, new EventEmitter(), {
  whenReady: async () => {},
  isPackaged: true,
  getPath: () => directory,
  hasSingleInstanceLock: () => electron.isLocked,
});
Object.setPrototypeOf(electron.app, EventEmitter.prototype);

const stores = defineStores({
  api: cache<string, number>(),
  many: fanout({ shards: 2 }),
  prefs: index<string, number>(),
  log: deque<number>(),
  config: settings({ defaults: { theme: 'light' } }),
});

let directory: string;

beforeEach(() => {
  directory = freshDirectory();
  electron.isLocked = true;
});

const open = (options: Partial<HostOptions<typeof stores, 'main'>> = {}): Promise<Host<typeof stores>> =>
  openDiskCache({ stores, directory, ...options });

const at = (...folders: string[]): string => join(directory, ...folders);

/** Has a store open as another process does: the engine doesn't know of it. */
function openElsewhere(): Database.Database {
  new Cache(at('api')).close();
  const database = new Database(at('api', 'cache.db'));
  database.prepare('SELECT 1 FROM entry').get();
  return database;
}

/** Opens everything that a host opens, a second time. */
const SECOND_OPENERS: readonly (readonly [name: string, open: () => { close(): void }])[] = [
  ['the default cache', () => new Cache(at('default'))],
  ['a cache', () => new Cache(at('api'))],
  ['a reader', () => new Cache(at('api'), { readOnly: true })],
  ['a fanout', () => new FanoutCache(at('many'))],
  ['an index', () => new Index(at('prefs'))],
  ['a deque', () => new Deque(at('log'))],
  ['settings', () => new Settings(at('config'), { defaults: {} })],
  ['a queue', () => new Queue(at('_queues', 'outbox'))],
  ['the CacheStorage', () => new Cache(at('_caches'), { evictionPolicy: 'none' })],
];

async function useAll(host: Host<typeof stores>): Promise<void> {
  host.queue('outbox').enqueue('job');
  await host.caches.has('v1');
}

const failure = (code: string, ...words: RegExp[]) =>
  expect.objectContaining({
    code,
    message: expect.toSatisfy((message: string) => words.every((word) => word.test(message))),
  });

describe('a host whose application holds the single-instance lock', () => {
  it('opens its stores exclusively: everyone else gets BUSY with the reason, at once in the same thread', async () => {
    const host = await open();
    await useAll(host);
    for (const [name, openSecond] of SECOND_OPENERS)
      expect(openSecond, name).toThrow(failure('BUSY', /already open in this thread/, /exclusive: false/));
    await host.close();
    for (const [, openSecond] of SECOND_OPENERS) openSecond().close();
  });

  it('writes to the journal, and reads everything when it is opened again', async () => {
    const host = await open();
    for (const key of ['j', 'k']) host.stores.api.set(key, 1);
    host.stores.prefs.set('p', 2);
    host.stores.log.push(3);
    expect(existsSync(at('api', 'journal-0'))).toBe(true);
    await host.close();
    const { stores: again, close } = await open();
    expect([again.api.get('k'), again.prefs.get('p'), again.log.at(0)]).toEqual([1, 2, 3]);
    await close();
  });

  it('tells listeners of a write through the host', async () => {
    const host = await open();
    const heard: unknown[] = [];
    host.stores.api.subscribe(({ kind, key }) => heard.push([kind, key]));
    host.stores.api.set('k', 1);
    await vi.waitFor(() => expect(heard).toEqual([['set', 'k']]));
    await host.close();
  });

  it('is refused the directory of another host of the application', async () => {
    const host = await open();
    await expect(open()).rejects.toEqual(failure('BUSY', /Store "default"/, /already open in this thread/));
    await host.close();
    await (await open()).close();
  });

  it('gets BUSY with store, path and option if a store is open elsewhere, and does not block the thread', async () => {
    const elsewhere = openElsewhere();
    const api = cache({ timeout: 200 });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await expect(open({ stores: { ...stores, api } as typeof stores })).rejects.toEqual(
      failure('BUSY', /Store "api"/, /exclusive: false/, /deskcache-test-.*api/),
    );
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect(elsewhere.prepare('SELECT count(*) FROM entry').pluck().get()).toBe(0);
    elsewhere.close();
  });

  it('gets BUSY at once if the application itself has a store open', async () => {
    using helper = new Cache(at('api'));
    await expect(open()).rejects.toEqual(failure('BUSY', /Store "api"/, /already open in this thread/));
    helper.set('k', 1);
    expect(helper.get('k')).toBe(1);
  });

  it('waits for a process that closes the store within its timeout', async () => {
    const elsewhere = openElsewhere();
    const opening = open();
    setTimeout(() => elsewhere.close(), 1);
    await (await opening).close();
  });

  it('shares a store that is declared so, and opens for reading one that is declared readOnly', async () => {
    new Index(at('prefs')).close();
    const host = await open({
      stores: defineStores({
        ...stores,
        api: cache({ exclusive: false }),
        prefs: index({ readOnly: true }),
      }) as unknown as typeof stores,
      windows: { exclusive: false },
    });
    host.queue('outbox', { exclusive: false }).enqueue('job');
    using api = new Cache(at('api'));
    api.set('k', 5);
    expect(host.stores.api.get('k')).toBe(5);
    new Index(at('prefs')).close();
    new Queue(at('_queues', 'outbox')).close();
    expect(() => new Deque(at('log'))).toThrow(failure('BUSY'));
    await host.close();
  });

  it('shares everything with exclusive: false', async () => {
    const host = await open({ exclusive: false });
    await useAll(host);
    for (const [, openSecond] of SECOND_OPENERS) openSecond().close();
    await host.close();
  });

  it('is opened as the guide says, and a second instance quits', async () => {
    for (const isLocked of [true, false]) {
      electron.isLocked = isLocked;
      const [quit, install] = [vi.fn(), vi.fn()];
      const { started } = await runExample('docs/guide-performance.md', 'single-instance', {
        modules: {
          'deskcache/main': { openDiskCache: async () => Object.assign(await open(), { install }) },
          electron: { app: { ...electron.app, requestSingleInstanceLock: () => isLocked, quit } },
        },
        scope: { stores, session: { defaultSession: 'the session' } },
        returns: ['started'],
      });
      const host = (await started) as Host<typeof stores> | undefined;
      expect([install.mock.calls, quit.mock.calls.length]).toEqual(isLocked ? [[['the session']], 0] : [[], 1]);
      if (host) expect(() => new Cache(at('api'))).toThrow(failure('BUSY'));
      await host?.close();
    }
  });

  it('keeps its stores when the lock is released', async () => {
    const host = await open();
    electron.isLocked = false;
    host.stores.api.set('k', 1);
    expect(() => new Cache(at('api'))).toThrow(failure('BUSY'));
    await host.close();
  });
});

describe('a host whose application does not hold the lock', () => {
  beforeEach(() => {
    electron.isLocked = false;
  });

  it('shares its stores, also when the lock is requested later', async () => {
    const host = await open();
    await useAll(host);
    electron.isLocked = true;
    for (const [, openSecond] of SECOND_OPENERS) openSecond().close();
    const second = await open({ exclusive: false });
    second.stores.api.set('k', 1);
    expect(host.stores.api.get('k')).toBe(1);
    await second.close();
    await host.close();
  });

  it('opens them exclusively with exclusive: true', async () => {
    const host = await open({ exclusive: true });
    await useAll(host);
    for (const [name, openSecond] of SECOND_OPENERS) expect(openSecond, name).toThrow(failure('BUSY'));
    await host.close();
  });

  it('refuses an option that is not true or false', async () => {
    await expect(open({ exclusive: 'yes' as never })).rejects.toEqual(failure('BAD_OPTION', /exclusive is 'yes'/));
  });
});
