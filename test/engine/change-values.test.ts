import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, type Change, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { cache } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { damageFiles } from './damaged-values.ts';
import { freshDirectory } from './fresh-directory.ts';

const record = () => {
  const told: Change[] = [];
  return { told, listen: (change: Change) => void told.push(change) };
};

const countTriggers = ({ directory }: Cache): unknown => {
  const database = new Database(`${directory}/cache.db`, { readonly: true });
  const count = database.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'").pluck().get();
  database.close();
  return count;
};

const done = { done: true, value: undefined };

afterEach(() => {
  vi.restoreAllMocks();
});

describe('changes with values', () => {
  it('of a transaction are told after it, with the values that it left', () => {
    using store = new Cache(freshDirectory());
    store.set('a', 0);
    const { told, listen } = record();
    store.subscribe(listen, { key: 'a', values: true });
    store.transact(() => {
      store.set('a', 1);
      store.set('a', 2);
      expect(told).toEqual([]);
    });
    expect(told).toEqual([
      { kind: 'set', key: 'a', value: 2, before: 0 },
      { kind: 'set', key: 'a', value: 2, before: 2 },
    ]);
    const failing = () =>
      store.transact(() => {
        store.set('a', 3);
        throw new Error('rolled back');
      });
    expect(failing).toThrow('rolled back');
    store.delete('a');
    expect(told[2]).toEqual({ kind: 'delete', key: 'a', before: 2 });
  });

  it('of another connection come with the values', async () => {
    using store = new Cache(freshDirectory());
    using other = new Cache(store.directory);
    const { told, listen } = record();
    store.subscribe(listen, { keys: ['theirs', 'mine'], values: true });
    store.get('theirs');
    other.set('theirs', { of: 'theirs' });
    store.set('mine', 1);
    other.set('theirs', 2);
    await vi.waitFor(() => expect(told).toHaveLength(3));
    expect(told.map(({ key, value }) => [key, value])).toEqual([
      ['theirs', { of: 'theirs' }],
      ['mine', 1],
      ['theirs', 2],
    ]);
    expect(told[2]!.before).toEqual({ of: 'theirs' });
  });

  it('don’t count as uses of the items', () => {
    using store = new Cache(freshDirectory(), { statistics: true, evictionPolicy: 'least-frequently-used' });
    store.subscribe(() => {}, { values: true });
    store.set('a', 1);
    expect(store.stats()).toEqual({ hits: 0, misses: 0 });
    expect(store.getEntry('a')!.hits).toBe(0);
  });

  it('are read once for all listeners with values, and not for others', () => {
    let decoded = 0;
    const codec = {
      name: 'counted',
      encode: JSON.stringify,
      decode(text: unknown) {
        decoded++;
        return JSON.parse(text as string);
      },
    };
    using store = new Cache(freshDirectory(), { codec, memory: 0 });
    store.subscribe(() => {});
    store.subscribe(() => {}, { key: 'k' });
    store.set('k', {});
    expect(decoded).toBe(0);
    for (let n = 0; n < 3; n++) store.subscribe(() => {}, { prefix: 'k', values: true });
    store.set('k', {});
    expect(decoded).toBe(1);
    store.subscribe(() => {}, { key: 'other', values: true });
    store.set('not k', {});
    expect(decoded).toBe(1);
  });

  it('that are damaged come as an error, and the next one as a value', () => {
    using store = new Cache(freshDirectory(), { fileThreshold: 10, memory: 0 });
    const { told, listen } = record();
    store.subscribe(listen, { key: 'k', values: true });
    store.transact(() => {
      store.set('k', 'x'.repeat(100));
      damageFiles(store.directory);
    });
    expect(told).toEqual([{ kind: 'set', key: 'k', error: errorMatching('CORRUPT', '"k"') }]);
    store.set('k', 1);
    expect(told[1]).toEqual({ kind: 'set', key: 'k', value: 1 });
    expect(told[1]).not.toHaveProperty('before');
  });

  it('of an index are those that get returns: what the schema makes of them', () => {
    const directory = freshDirectory();
    new Index(directory).set('k', 'text').close?.();
    const validate = (value: unknown) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] };
    using store = new Index<string, number>(directory, {
      schema: { '~standard': { version: 1, vendor: 'test', validate } } as never,
    });
    using older = new Index<string, unknown>(directory);
    const { told, listen } = record();
    store.subscribe(listen as never, { values: true });
    store.set('k', 1);
    expect(told).toEqual([{ kind: 'set', key: 'k', value: 1 }]);
    older.set('k', 'text');
    store.set('other', 2);
    expect(told.slice(1)).toEqual([
      { kind: 'set', key: 'k', error: errorMatching('BAD_VALUE') },
      { kind: 'set', key: 'other', value: 2 },
    ]);
  });

  it('are not limited by the page whose call caused them', async () => {
    using bridge = openBridge({ stores: { api: cache() } });
    const store = bridge.cacheInMain('api');
    const { told, listen } = record();
    store.set('huge', new Uint8Array(40 * 2 ** 20));
    store.subscribe(listen, { values: true });
    expect(await bridge.diskCache.cache('api').touch('huge')).toBe(true);
    expect((told[0]!.value as Uint8Array).length).toBe(40 * 2 ** 20);
  });

  it('go on when a listener throws, stops another one, or closes the store', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const store = new Cache(freshDirectory());
    const [kept, stopped] = [record(), record()];
    store.subscribe(
      () => {
        stop();
        throw new Error('on purpose');
      },
      { values: true },
    );
    const stop = store.subscribe(stopped.listen, { values: true });
    store.subscribe(kept.listen, { values: true });
    store.set('k', 1);
    expect([kept.told, stopped.told]).toEqual([[{ kind: 'set', key: 'k', value: 1 }], []]);
    expect(warned).toHaveBeenCalledOnce();
    store.subscribe(() => store.close());
    store.subscribe(stopped.listen, { values: true });
    store.set('k', 2);
    expect(stopped.told).toEqual([]);
  });

  it('are refused for two selections, and for invalid ones', () => {
    using store = new Cache(freshDirectory());
    const wrong = [
      { key: 'a', prefix: 'a' },
      { key: 'a', keys: ['b'] },
      { keys: ['a'], from: 'a' },
      { values: 1 },
      { keys: 'ab' },
    ];
    for (const options of wrong) {
      expect(() => store.subscribe(() => {}, options as never)).toThrow(errorMatching('BAD_OPTION'));
    }
    expect(() => store.subscribe(() => {}, { key: () => 1 } as never)).toThrow(errorMatching('BAD_KEY'));
    expect(() => store.subscribe(() => {}, { keys: ['a', Symbol('b')] } as never)).toThrow(errorMatching('BAD_KEY'));
    expect(countTriggers(store)).toBe(0);
  });
});

describe('watch', () => {
  it.each([
    ['a cache', () => new Cache(freshDirectory())],
    ['a cache in shards', () => new FanoutCache(freshDirectory(), { shards: 2 })],
    ['an index', () => new Index(freshDirectory())],
  ] as const)('ends when %s is closed', async (_, open) => {
    const store = open() as Cache;
    store.set('k', 1);
    const states = [store.watch('k'), store.watchMany()];
    expect(await Promise.all(states.map((state) => state.next()))).toEqual([
      { done: false, value: 1 },
      { done: false, value: [['k', 1]] },
    ]);
    const waiting = states.map((state) => state.next());
    store.close();
    expect(await Promise.all([...waiting, ...states.map((state) => state.next())])).toEqual(new Array(4).fill(done));
    expect(() => store.watch('k')).toThrow(errorMatching('CLOSED'));
    expect(() => store.watchMany()).toThrow(errorMatching('CLOSED'));
  });

  it('costs nothing before the first next, and after the end', async () => {
    using store = new Cache(freshDirectory());
    const states = store.watch('k');
    expect(countTriggers(store)).toBe(0);
    await states.next();
    expect(countTriggers(store)).toBe(3);
    await states.return!();
    expect(countTriggers(store)).toBe(0);
  });

  it('never yields what is rolled back', async () => {
    using store = new Cache(freshDirectory());
    store.set('k', 'before');
    const states = store.watch('k');
    let first: Promise<IteratorResult<unknown>> | undefined;
    const failing = () =>
      store.transact(() => {
        store.set('k', 'undone');
        first = states.next();
        throw new Error('rolled back');
      });
    expect(failing).toThrow('rolled back');
    expect(await first).toEqual({ done: false, value: 'before' });
    await states.return!();
  });

  it('rejects for a value that can’t be read, and has ended then', async () => {
    using store = new Cache(freshDirectory(), { fileThreshold: 10, memory: 0 });
    store.set('k', 1);
    const states = [store.watch('k'), store.watchMany()];
    await Promise.all(states.map((state) => state.next()));
    store.transact(() => {
      store.set('k', 'x'.repeat(100));
      damageFiles(store.directory);
    });
    for (const state of states) await expect(state.next()).rejects.toThrow(errorMatching('CORRUPT'));
    for (const state of states) expect(await state.next()).toEqual(done);
    expect(countTriggers(store)).toBe(0);
  });

  it('of a deque yields all of its values', async () => {
    using deque = new Deque<number>(freshDirectory());
    deque.push(1);
    const states = deque.watch();
    expect((await states.next()).value).toEqual([1]);
    deque.push(2, 3);
    deque.shift();
    expect((await states.next()).value).toEqual([2, 3]);
    const waiting = states.next();
    deque.clear();
    expect((await waiting).value).toEqual([]);
    expect(() => deque.watch({ signal: 1 } as never)).toThrow(errorMatching('BAD_OPTION'));
    deque.close();
    expect(await states.next()).toEqual(done);
  });

  it('refuses at once what can’t be watched', () => {
    using store = new Cache(freshDirectory());
    expect(() => store.watch(Symbol('k') as never)).toThrow(errorMatching('BAD_KEY'));
    expect(() => store.watch('k', { sinal: 1 } as never)).toThrow(errorMatching('BAD_OPTION'));
    expect(() => store.watchMany({ form: 1 } as never)).toThrow(errorMatching('BAD_OPTION'));
  });
});
