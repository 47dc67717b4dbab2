import { describe, expect, it, vi } from 'vitest';
import { cache, defineStores, deque, index } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { errorMatching } from '../matchers.ts';

const stores = defineStores({ api: cache(), settings: index(), log: deque() });

/** As plain JavaScript calls it, which no compiler has seen. */
type Untyped = Record<string, (...args: unknown[]) => Promise<unknown>>;

describe('unsupported calls of a page', () => {
  it.each(['update', 'transact', 'memoize'])(
    '%s, which takes a function: it is told what to do instead',
    async (name) => {
      using bridge = openBridge({ stores });
      for (const store of [bridge.diskCache, bridge.diskCache.cache('api'), bridge.diskCache.index('settings')]) {
        const call = (store as unknown as Untyped)[name]!('k', () => 1);
        await expect(call).rejects.toEqual(
          errorMatching('BAD_OPTION', new RegExp(`${name} takes a function.* use batch`)),
        );
      }
    },
  );

  it('a default for get, and options for an index: they would be passed over in silence', async () => {
    using bridge = openBridge({ stores });
    const typed = bridge.diskCache.as<typeof stores>() as unknown as Record<string, Untyped>;
    const indexes = [bridge.diskCache.index('settings') as unknown as Untyped, typed['settings']!];
    for (const settings of indexes) {
      await expect(settings['set']!('k', 1, { ttl: 5 })).rejects.toEqual(
        errorMatching(
          'BAD_OPTION',
          '"set" of the index "settings" takes at most 2 arguments, not 3; nothing expires from an index',
        ),
      );
      await expect(settings['get']!('k', 'fallback')).rejects.toEqual(errorMatching('BAD_OPTION', 'no default value'));
    }
    const api = bridge.diskCache.cache('api') as unknown as Untyped;
    await expect(api['get']!('k', 0)).rejects.toEqual(errorMatching('BAD_OPTION', 'write get(key) ?? value'));
    await expect(api['size']).resolves.toBe(0);
    await expect(api['get']!('k', undefined)).resolves.toBeUndefined();
    await expect(api['batch']!([{ get: ['k', 1] }])).rejects.toEqual(
      errorMatching('BAD_OPTION', '"get" of the cache "api"'),
    );
    await bridge.diskCache.deque('log').push(1, 2, 3);
    expect(await bridge.diskCache.deque('log').length).toBe(3);
  });

  it('throws at once for a subscription range that can’t be sent', () => {
    using bridge = openBridge({ stores });
    const range = { from: { name: () => 1 } } as never;
    expect(() => bridge.diskCache.subscribe(() => {}, range)).toThrow(
      errorMatching('BAD_KEY', /^range\.from: key has a part that can't be sent, such as a function$/),
    );
  });

  it('throws a DiskCacheError for subscription options that can’t be read', () => {
    using bridge = openBridge({ stores });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const throwing = {
      get onError() {
        throw new Error('not now');
      },
    };
    for (const store of [bridge.diskCache, bridge.diskCache.queue('jobs')] as unknown as Untyped[]) {
      for (const options of [null, proxy, throwing])
        expect(() => store['subscribe']!(() => {}, options)).toThrow(errorMatching('BAD_OPTION', /can't be read/));
      for (const listener of [undefined, 1, {}])
        expect(() => store['subscribe']!(listener)).toThrow(
          errorMatching('BAD_OPTION', /A listener must be a function/),
        );
    }
  });

  it('rejects with a DiskCacheError for a stream that can’t be read', async () => {
    using bridge = openBridge({ stores });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const api = bridge.diskCache.cache('api') as unknown as Untyped;
    await expect(api['writeStream']!('k', proxy)).rejects.toEqual(errorMatching('BAD_OPTION', /can't be read/));
    await expect(api['writeStream']!('k', 'text')).rejects.toEqual(errorMatching('BAD_VALUE', /ReadableStream/));
  });

  it('gives the same errors in the main process', () => {
    using bridge = openBridge({ stores });
    const settings = bridge.registry.get('settings') as never as Record<string, (...args: unknown[]) => unknown>;
    const api = bridge.cacheInMain('api') as never as Record<string, (...args: unknown[]) => unknown>;
    expect(() => settings['set']!('k', 1, { ttl: 5 })).toThrow(/nothing expires from an index/);
    expect(() => settings['get']!('k', 5)).toThrow(/no default value/);
    expect(() => api['get']!('k', 5)).toThrow(/no default value/);
    expect(['a', 'b'].map(api['get'] as never, api)).toEqual([undefined, undefined]);
  });

  it('warns once about a near cache of a store that doesn’t exist', async () => {
    using bridge = openBridge({ stores });
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    bridge.diskCache.nearCache('nope');
    const nope = bridge.diskCache.cache('nope');
    for (let time = 0; time < 3; time++) await expect(nope.get('k')).rejects.toEqual(errorMatching('NO_SUCH_STORE'));
    await vi.waitFor(() => expect(warn).toHaveBeenCalled());
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/no near cache for store "nope": .*nope/));
    warn.mockRestore();
  });
});
