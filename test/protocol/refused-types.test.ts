import { describe, expectTypeOf, it } from 'vitest';
import type { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import type { Queue } from '../../main/queue/index.ts';
import type { BatchStep } from '../../protocol/batch.ts';
import { settings } from '../../protocol/index.ts';
import type { DiskCache } from '../../renderer-api/disk-cache.ts';

/*
 * The compiler checks what is refused here (`tsc -b` fails for an expectation of an error that isn't one); nothing of it runs. Each type of
 * store is checked with values of any type, where the argument itself is looked at, and with values of a declared type.
 */

class Point {
  x = 1;
  move(): void {}
}
interface User {
  readonly name: string;
  readonly born?: Date;
}
const functions = { f: () => 1 };
const nested = { a: { b: [{ c: Promise.resolve(1) }] } };

type Refusal = (...stores: never) => unknown;

/** Each function is only compiled. */
function compiled(...refusals: readonly Refusal[]): void {
  expectTypeOf(refusals).toEqualTypeOf<readonly Refusal[]>();
}

describe('what structured clone loses does not compile', () => {
  it('in a cache or its shards, of the main process or a page', () => {
    const refuse = (cache: Cache<string> | FanoutCache<string>) => {
      // @ts-expect-error: a function
      cache.set('k', () => 1);
      // @ts-expect-error: an instance with methods
      cache.set('k', new Point());
      // @ts-expect-error: a class
      cache.set('k', Point);
      // @ts-expect-error: a promise that was not awaited
      cache.set('k', fetch('https://a.example'));
      // @ts-expect-error: a symbol
      cache.set('k', Symbol.iterator);
      // @ts-expect-error: a weak map
      cache.set('k', new WeakMap());
      // @ts-expect-error: a function in an object
      cache.set('k', functions);
      // @ts-expect-error: a promise some levels down
      cache.set('k', nested);
      // @ts-expect-error: a function in a map
      cache.set('k', new Map([['a', () => 1]]));
      // @ts-expect-error: an instance in a set
      cache.set('k', new Set([new Point()]));
      // @ts-expect-error: a function in an array
      cache.add('k', [() => 1]);
      // @ts-expect-error: a symbol in an object
      cache.push({ symbol: Symbol('s') });
      // @ts-expect-error: one of several values
      cache.setMany([
        ['a', 1],
        ['b', () => 1],
      ]);
      // @ts-expect-error: an option of another name
      cache.setMany([['a', 1, { tll: 5 }]]);
      // @ts-expect-error: an async updater
      cache.update('k', async () => 1);
      // @ts-expect-error: an updater that returns a function
      cache.update('k', () => () => 1);
      // @ts-expect-error: a function whose results are functions
      cache.memoize(() => () => 1, { name: 'f' });
      // @ts-expect-error: and an async one
      cache.memoize(async () => new Point(), { name: 'f' });
    };
    const refuseDeclared = (
      cache: Cache<string, Point>,
      users: Cache<string, User>,
      records: Cache<string, Record<string, unknown>>,
    ) => {
      // @ts-expect-error: declared as something that can't be stored
      cache.set('k', new Point());
      // @ts-expect-error: as before
      cache.setMany([['k', new Point()]]);
      // @ts-expect-error: a member that User doesn't have
      users.set('k', { name: 'Ada', typo: 1 });
      // @ts-expect-error: the same among several
      users.setMany([['k', { name: 'Ada', typo: 1 }]]);
      // @ts-expect-error: a function, although members may be anything
      records.set('k', functions);
      // @ts-expect-error: not a record
      records.set('k', 5);
    };
    const refuseInPage = async (page: DiskCache) => {
      // @ts-expect-error: a function
      await page.set('k', () => 1);
      const cache = page.cache<string>('api');
      // @ts-expect-error: an instance with methods
      await cache.set('k', new Point());
      // @ts-expect-error: a promise that was not awaited
      await cache.add('k', cache.get('l'));
      // @ts-expect-error: a function
      await cache.push(() => 1);
      // @ts-expect-error: one of several values
      await cache.setMany([
        ['a', 1],
        ['b', functions],
      ]);
      // @ts-expect-error: declared as something that can't be stored
      await page.cache<string, Point>('points').set('k', new Point());
      // @ts-expect-error: a function
      await page.window.set('k', () => 1);
    };
    compiled(refuse, refuseDeclared, refuseInPage);
  });

  it('in an index', () => {
    const refuse = (index: Index<string>) => {
      // @ts-expect-error: a function
      index.set('k', () => 1);
      // @ts-expect-error: one of several values
      index.setMany([
        ['a', 1],
        ['b', new Point()],
      ]);
      // @ts-expect-error: an instance with methods
      index.setDefault('k', new Point());
      // @ts-expect-error: an async updater
      index.update('k', async () => 1);
      // @ts-expect-error: entries of an index have no options
      index.setMany([['a', 1, { ttl: 5 }]]);
    };
    const refuseInPage = async (page: DiskCache) => {
      const index = page.index<string>('facts');
      // @ts-expect-error: a promise that was not awaited
      await index.set('k', index.get('l'));
      // @ts-expect-error: a function
      await index.setDefault('k', () => 1);
      // @ts-expect-error: one of several values
      await index.setMany([['a', functions]]);
    };
    compiled(refuse, refuseInPage);
  });

  it('in a deque', () => {
    const refuse = (deque: Deque) => {
      // @ts-expect-error: one of several values
      deque.push(1, 'a', () => 1);
      // @ts-expect-error: an instance with methods
      deque.unshift(new Point());
      // @ts-expect-error: a promise
      deque.set(0, Promise.resolve(1));
      // @ts-expect-error: one of several values
      deque.extend([1, () => 1]);
    };
    const refuseInPage = async (page: DiskCache) => {
      const deque = page.deque('outbox');
      // @ts-expect-error: a function
      await deque.push(1, () => 1);
      // @ts-expect-error: a symbol in an object
      await deque.extend([{ s: Symbol('s') }]);
      // @ts-expect-error: an instance with methods
      await deque.set(0, new Point());
    };
    compiled(refuse, refuseInPage);
  });

  it('in a queue', () => {
    const refuse = (queue: Queue) => {
      // @ts-expect-error: a function
      queue.enqueue(() => 1);
      // @ts-expect-error: one of several payloads
      queue.enqueueMany([{ payload: 1 }, { payload: functions }]);
    };
    const refuseInPage = async (page: DiskCache) => {
      const queue = page.queue('outbox');
      // @ts-expect-error: an instance with methods
      await queue.enqueue(new Point());
      // @ts-expect-error: a promise
      await queue.enqueueMany([{ payload: Promise.resolve(1) }]);
    };
    compiled(refuse, refuseInPage);
  });

  it('in settings', () => {
    interface WithMethods {
      readonly theme: string;
      format(): string;
    }
    const refuse = (app: Settings) => {
      // @ts-expect-error: a function
      app.set('theme', () => 1);
      // @ts-expect-error: an instance with methods
      app.set(['editor', 'font'], new Point());
      // @ts-expect-error: a function in a patch
      app.set({ theme: 'dark', format: () => 1 });
    };
    const refuseDeclared = () => {
      // @ts-expect-error: a method among the settings
      settings<WithMethods>({ defaults: { theme: 'dark', format: () => '' } });
      // @ts-expect-error: the same, of the type of the defaults
      settings({ defaults: { theme: 'dark', point: new Point() } });
    };
    const refuseInPage = async (page: DiskCache) => {
      // @ts-expect-error: a function
      await page.settings('settings').set('theme', () => 1);
      // @ts-expect-error: a promise in a patch
      await page.settings('settings').set({ theme: Promise.resolve('dark') });
    };
    compiled(refuse, refuseDeclared, refuseInPage);
  });
});

describe('a transaction with a function that goes on after it does not compile', () => {
  it('in any store, nested or not', () => {
    const refuse = (
      ...[cache, fanout, index, deque, app, queue]: readonly [Cache, FanoutCache, Index, Deque, Settings, Queue]
    ) => {
      // @ts-expect-error: async
      cache.transact(async () => 1);
      // @ts-expect-error: a generator
      cache.transact(function* () {});
      // @ts-expect-error: an async generator
      cache.transact(async function* () {});
      // @ts-expect-error: a promise in one of the cases
      cache.transact(() => (cache.has('k') ? Promise.resolve(1) : 1));
      // @ts-expect-error: async
      fanout.transact(async () => {});
      // @ts-expect-error: a generator
      fanout.transact(function* () {});
      // @ts-expect-error: async
      index.transact(async () => {});
      // @ts-expect-error: a generator
      index.transact(function* () {});
      // @ts-expect-error: async
      deque.transact(async () => {});
      // @ts-expect-error: a generator
      deque.transact(function* () {});
      // @ts-expect-error: async
      app.transact(async () => {});
      // @ts-expect-error: a generator
      app.transact(function* () {});
      // @ts-expect-error: async
      queue.transact(async () => {});
      // @ts-expect-error: a generator
      queue.transact(function* () {});
      // @ts-expect-error: the inner one is async
      cache.transact(() => index.transact(async () => 1));
      // @ts-expect-error: in a shard of a name
      fanout.shard('main').transact(async () => 1);
      // @ts-expect-error: in an index of a name
      fanout.index('facts').transact(async () => 1);
    };
    compiled(refuse);
  });

  it('and a plain one does', () => {
    const accept = (cache: Cache<string, User>, index: Index<string, unknown>) => {
      expectTypeOf(cache.transact(() => cache.get('k'))).toEqualTypeOf<User | undefined>();
      expectTypeOf(cache.transact(() => {})).toEqualTypeOf<void>();
      expectTypeOf(cache.transact(() => index.transact(() => index.get('k')))).toEqualTypeOf<unknown>();
      expectTypeOf(cache.transact(() => [...cache.keys()])).toEqualTypeOf<string[]>();
      const never = (): never => {
        throw new Error('on purpose');
      };
      cache.transact(never);
    };
    compiled(accept);
  });
});

describe('what can be stored compiles', () => {
  interface Tree {
    readonly name: string;
    readonly children: readonly Tree[];
  }
  type UserId = string & { readonly brand: unique symbol };

  it('in stores of any values: interfaces, built-in types, unknown and any', () => {
    const accept = (cache: Cache<string>, user: User, tree: Tree, id: UserId, anything: unknown) => {
      cache.set('k', user);
      cache.set('k', tree, { expiresAt: 5 });
      cache.set('k', id);
      cache.set('k', anything);
      cache.set('k', JSON.parse('1'));
      cache.set('k', undefined);
      cache.set('k', null);
      cache.set('k', [1, 'a', 1n, true, new Date(), /a/, new Error('e'), new Uint8Array(1), new ArrayBuffer(1)]);
      cache.set('k', new Map<string, Set<User>>());
      cache.set('k', { user, list: [user], 'a b': { deep: { deeper: { tree } } } } as const);
      cache.setMany([
        ['a', 1],
        ['b', user, { ttl: 5 }],
        ['c', anything],
      ]);
      cache.setMany(new Map([['a', user]]));
      cache.setMany(Object.entries({ a: 1, b: 'x' }));
      cache.update('k', (current) => [current]);
      expectTypeOf(cache.memoize((n: number) => String(n), { name: 'f' })).toEqualTypeOf<(n: number) => string>();
      expectTypeOf(cache.memoize(async <T>(_: T) => 1, { name: 'f' })).returns.toEqualTypeOf<Promise<number>>();
    };
    const acceptLists = (deque: Deque, queue: Queue, app: Settings, user: User) => {
      deque.push(1, 'a', user, [null]);
      deque.push(...[1, 2, 3]);
      deque.extend([1, 'a', user]);
      deque.extend(new Set([user]));
      queue.enqueue(user, { delay: 5 });
      queue.enqueueMany([{ payload: 1 }, { payload: user, priority: 1 }]);
      app.set('theme', user);
      app.set({ theme: 'dark', 'editor.fontSize': 13 });
    };
    compiled(accept, acceptLists);
  });

  it('in generic code', () => {
    const accept = <T, U extends User>(
      ...[cache, lists, optional, users, unknowns, deque, queue, t, u]: readonly [
        Cache<string, T>,
        Index<string, readonly T[]>,
        Cache<string, T | null>,
        Cache<string, User>,
        Cache<string>,
        Deque<T>,
        Queue<{ item: T }>,
        T,
        U,
      ]
    ) => {
      cache.set('k', t);
      cache.add('k', t);
      cache.push(t);
      cache.setMany([['k', t, { ttl: 5 }]]);
      cache.update('k', (current) => current ?? t);
      lists.set('k', [...(lists.get('k') ?? []), t]);
      lists.setDefault('k', [t]);
      optional.set('k', t);
      optional.set('k', null);
      users.set('k', u);
      unknowns.set('k', t);
      unknowns.set('k', { t });
      deque.push(t, t);
      deque.extend([t]);
      queue.enqueue({ item: t });
    };
    const acceptInPage = async <T>(page: DiskCache, t: T) => {
      const cache = page.cache<string, T>('api');
      await cache.set('k', t);
      await cache.setMany([['k', t]]);
      await page.deque<T>('outbox').push(t, t);
      await page.queue<T>('outbox').enqueue(t);
    };
    class Repository<T extends { readonly id: string }> {
      readonly items: Cache<string, T>;
      constructor(items: Cache<string, T>) {
        this.items = items;
      }
      save(item: T): void {
        this.items.set(item.id, item);
      }
    }
    compiled(accept, acceptInPage, (items: Cache<string, { id: string }>) => new Repository(items));
  });

  it('and a store of some type can be given where one of any values is expected', () => {
    interface Storage {
      get(key: string): unknown;
      set(key: string, value: unknown): void;
    }
    const accept = (users: Cache<string, User>, shards: FanoutCache<string, User>, index: Index<string, User>) => {
      const stores: readonly Cache[] = [users];
      const storages: readonly Storage[] = [users, shards, index];
      const picked: Pick<Cache<string>, 'get' | 'set' | 'setMany'> = users;
      return { stores, storages, picked };
    };
    const acceptUnion = (store: Cache<string> | FanoutCache<string> | Index<string>) => {
      store.set('k', { a: 1 });
      store.setMany([['k', 1]]);
    };
    compiled(accept, acceptUnion);
    expectTypeOf<BatchStep<never, string, User>>().toExtend<object>();
  });
});
