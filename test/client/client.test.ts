import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, defineStores } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { errorMatching } from '../matchers.ts';

/** A main process that never answers. */
function createSilentPage(timeout: number) {
  const { port1, port2 } = new MessageChannel();
  const messages: unknown[] = [];
  port1.on('message', (message) => messages.push(message));
  return {
    diskCache: new DiskCache(async () => port2 as unknown as MessagePortLike, { timeout }),
    messages,
    main: port1,
  };
}

describe('diskCache in a page', () => {
  it('connects by itself with the first call', async () => {
    using bridge = openBridge();
    expect(bridge.sessions).toHaveLength(0);
    await bridge.diskCache.set('k', { n: 1 });
    expect(await bridge.diskCache.get('k')).toEqual({ n: 1 });
    expect(bridge.sessions).toHaveLength(1);
  });

  it('is the store named default', async () => {
    using bridge = openBridge();
    await bridge.diskCache.set('k', 1);
    expect(bridge.cacheInMain('default').get('k')).toBe(1);
    expect(await bridge.diskCache.cache('api').get('k')).toBeUndefined();
  });

  it('gives the declared stores by name, typed', async () => {
    const stores = defineStores({ api: cache<string, { id: number }>() });
    using bridge = openBridge({ stores });
    const app = bridge.diskCache.as<typeof stores>();
    await app.api.set('/1', { id: 1 });
    const user = await app.api.get('/1');
    expect(user?.id).toBe(1);
  });

  it('can be awaited without turning into something else', async () => {
    using bridge = openBridge();
    const app = await bridge.diskCache.as<{ api: ReturnType<typeof cache> }>();
    expect(await app.api.has('k')).toBe(false);
  });

  it('sends the calls of one turn as one message, those of the next as another', async () => {
    const { diskCache, messages } = createSilentPage(1000);
    void Promise.allSettled([diskCache.set('a', 1), diskCache.cache('api').get('b'), diskCache.has('c')]);
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    void Promise.allSettled([diskCache.get('d')]);
    await vi.waitFor(() => expect(messages).toHaveLength(2));
    expect(messages[0]).toEqual([
      -1,
      [
        ['default', 'set', 'a', 1],
        ['api', 'get', 'b'],
        ['default', 'has', 'c'],
      ],
    ]);
    diskCache.disconnect();
  });

  it('sends a long turn, or a heavy one, as several small messages, and one call whole', async () => {
    const sizes = async (calls: (diskCache: DiskCache) => Promise<unknown>[]) => {
      const { diskCache, messages, main } = createSilentPage(5000);
      const all = calls(diskCache);
      main.on('message', ([id, operations]: [number, unknown[]]) =>
        main.postMessage([id, operations.map(() => 1), []]),
      );
      await Promise.all(all);
      diskCache.disconnect();
      return messages.map((message) => (message as [number, unknown[]])[1].length);
    };
    const times = <T>(count: number, call: (n: number) => T) => Array.from({ length: count }, (_, n) => call(n));
    const kibibytes = (count: number) => new Uint8Array(count * 1024);
    expect(await sizes((store) => times(512, (n) => store.set(n, n)))).toEqual([512]);
    expect(await sizes((store) => times(1100, (n) => store.get(n)))).toEqual([512, 512, 76]);
    expect(await sizes((store) => times(5, (n) => store.set(n, kibibytes(400))))).toEqual([2, 2, 1]);
    expect(await sizes((store) => times(2, (n) => store.add(n, kibibytes(3000))))).toEqual([1, 1]);
    expect(await sizes((store) => [store.setMany(times(5000, (n) => [n, n]))])).toEqual([1]);
    expect(await sizes((store) => [store.batch(times(5000, (n) => ({ set: [n, n] })))])).toEqual([1]);
  });

  it('limits the operations in flight, and sends the rest when answers come', async () => {
    const { diskCache, messages, main } = createSilentPage(5000);
    const all = Array.from({ length: 100_000 }, (_, n) => diskCache.has(n));
    await vi.waitFor(() => expect(messages.length).toBeGreaterThanOrEqual(2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(messages).toHaveLength(2);
    const answer = (message: unknown) => {
      const [id, operations] = message as [number, unknown[]];
      main.postMessage([id, operations.map(() => true), []]);
    };
    answer(messages[0]);
    await vi.waitFor(() => expect(messages).toHaveLength(3));
    main.on('message', answer);
    for (const message of messages.slice(1)) answer(message);
    expect((await Promise.all(all)).every((has) => has)).toBe(true);
  });

  it('limits the bytes in flight', async () => {
    const { diskCache, messages } = createSilentPage(5000);
    const bytes = new Uint8Array(700 * 1024);
    void Promise.allSettled(Array.from({ length: 12 }, () => diskCache.set('large', bytes)));
    await vi.waitFor(() => expect(messages).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(messages.map((message) => (message as [number, unknown[]])[1].length)).toEqual([1, 1]);
    diskCache.disconnect();
  });

  it('refuses a call that no message should hold, and harms no other of the turn', async () => {
    using bridge = openBridge();
    const [large, small] = await Promise.allSettled([
      bridge.diskCache.set('large', { bytes: new Uint8Array(65 * 2 ** 20) }),
      bridge.diskCache.set('small', 1),
    ]);
    expect(large).toEqual({ status: 'rejected', reason: errorMatching('TOO_LARGE') });
    expect(small.status).toBe('fulfilled');
    expect(await bridge.diskCache.keys()).toEqual(['small']);
  });

  it('splits a turn of more than 10 000 calls', async () => {
    using bridge = openBridge();
    const all = Array.from({ length: 25_000 }, (_, n) => bridge.diskCache.has(n));
    expect((await Promise.all(all)).every((has) => !has)).toBe(true);
  });

  it('rejects with class, code and message of what the engine threw', async () => {
    using bridge = openBridge();
    const failure = await bridge.diskCache
      .cache('nope')
      .get('k')
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DiskCacheError);
    expect(failure).toMatchObject({ code: 'NO_SUCH_STORE', message: expect.stringContaining('"nope"') });
  });

  it('names the part of a value that can not be kept, without harming the other calls of the turn', async () => {
    using bridge = openBridge();
    const results = await Promise.allSettled([
      bridge.diskCache.set('a', 1),
      bridge.diskCache.set('b', { user: { greet: () => 'hello' } } as never),
      bridge.diskCache.set(Symbol('key') as never, 1),
      bridge.diskCache.get('a'),
    ]);
    expect(results).toEqual([
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: errorMatching('BAD_VALUE') },
      { status: 'rejected', reason: errorMatching('BAD_KEY') },
      { status: 'fulfilled', value: 1 },
    ]);
    expect(String((results[1] as PromiseRejectedResult).reason)).toContain('value.user.greet');
  });
});

describe('a range in a page', () => {
  it('is awaited for an array, and read page by page in a loop', async () => {
    using bridge = openBridge();
    const names = Array.from({ length: 3000 }, (_, n) => `k${String(n).padStart(5, '0')}`);
    await bridge.diskCache.setMany(names.map((name) => [name, name.length]));
    expect(await bridge.diskCache.keys()).toEqual(names);
    expect(await bridge.diskCache.size).toBe(3000);
    const seen: unknown[] = [];
    for await (const [key] of bridge.diskCache.entries({ order: 'key', from: 'k00010', to: 'k02010' })) seen.push(key);
    expect(seen).toEqual(names.slice(10, 2010));
  });

  it('is caught and finished as any promise', async () => {
    using bridge = openBridge();
    await bridge.diskCache.set('k', 1);
    const bad = bridge.diskCache.keys({ limit: -1 });
    const settled: string[] = [];
    const caught = await bad.catch((error) => (error as DiskCacheError).code).finally(() => settled.push('bad'));
    const found = await bridge.diskCache.keys().finally(() => settled.push('good'));
    expect([caught, found, settled]).toEqual(['BAD_OPTION', ['k'], ['bad', 'good']]);
  });

  it('names its fault', async () => {
    using bridge = openBridge();
    await expect(bridge.diskCache.keys({ limit: (() => 1) as never })).rejects.toEqual(errorMatching('BAD_OPTION'));
    await expect(bridge.diskCache.keys({ order: 'sideways' as never })).rejects.toEqual(errorMatching('BAD_OPTION'));
  });
});

describe('every call settles', () => {
  it('with DISCONNECTED and the reason when main says goodbye, and the next call connects again', async () => {
    using bridge = openBridge();
    await bridge.diskCache.set('k', 1);
    const open = bridge.diskCache.get('k');
    await Promise.resolve();
    bridge.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    await expect(open).rejects.toEqual(errorMatching('DISCONNECTED'));
    expect(await bridge.diskCache.get('k')).toBe(1);
    expect(bridge.sessions).toHaveLength(2);
  });

  it('with DISCONNECTED when the other side is gone without a message', async () => {
    const { diskCache, main, messages } = createSilentPage(5000);
    const open = diskCache.set('k', 1);
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    main.close();
    await expect(open).rejects.toEqual(errorMatching('DISCONNECTED'));
  });

  it('with TIMEOUT when there is no response', async () => {
    const { diskCache } = createSilentPage(20);
    await expect(diskCache.set('k', 1)).rejects.toEqual(errorMatching('TIMEOUT'));
    diskCache.disconnect();
  });

  it('without TIMEOUT while answers come, however long all of it takes', async () => {
    const { diskCache, main } = createSilentPage(600);
    const turns: Promise<unknown>[] = [];
    for (let n = 1; n <= 4; n++) {
      turns.push(diskCache.get(n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let id = 1; id <= 4; id++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      main.postMessage([-id, ['late'], []]);
    }
    expect(await Promise.all(turns)).toEqual(new Array(4).fill('late'));
  });

  it.each([2 ** 31, Number.POSITIVE_INFINITY])('not at once when the time-out is %d ms', async (timeout) => {
    let reason: unknown;
    const waiting = new DiskCache(
      (signal) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
        });
        return new Promise(() => {});
      },
      { timeout },
    );
    waiting.get('k').catch((error: unknown) => {
      reason = error;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(reason).toBeUndefined();
  });

  it.each([20, 25])('with TIMEOUT when there is never a port within %i ms', async (timeout) => {
    const never = new DiskCache(() => new Promise(() => {}), { timeout });
    await expect(never.get('k')).rejects.toEqual(errorMatching('TIMEOUT'));
  });

  it('with what the handshake gave up for, and not with TIMEOUT', async () => {
    const unanswered = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new DiskCacheError('DISCONNECTED', 'no preload script')));
      });
    const diskCache = new DiskCache(unanswered, { timeout: 500 });
    await expect(diskCache.get('k')).rejects.toEqual(errorMatching('DISCONNECTED'));
  });

  it('at once when the page is left while it still connects', async () => {
    const never = new DiskCache(() => new Promise(() => {}));
    const open = never.get('k');
    await Promise.resolve();
    never.disconnect('The page was left');
    await expect(open).rejects.toEqual(errorMatching('DISCONNECTED'));
  });

  it('with what the handshake was refused for, and asks again the next time', async () => {
    let refused = 0;
    const connect = async () => {
      refused++;
      throw new DiskCacheError('NOT_ALLOWED', 'not you');
    };
    const diskCache = new DiskCache(connect);
    await expect(diskCache.get('k')).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    await expect(diskCache.get('k')).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    expect(refused).toBe(2);
  });
});

describe('a page that has disconnected', () => {
  /** Connections that are made or fail when the test says so, with a port of the bridge. */
  function byHand() {
    const bridge = openBridge();
    const attempts: { succeed(): void; fail(): void }[] = [];
    const connect = () =>
      new Promise<MessagePortLike>((resolve, reject) => {
        attempts.push({
          succeed: () => resolve(bridge.rawPort() as unknown as MessagePortLike),
          fail: () => reject(new DiskCacheError('NOT_ALLOWED', 'too late to say so')),
        });
      });
    return {
      bridge,
      attempts,
      diskCache: new DiskCache(connect, { timeout: 2000 }),
      [Symbol.dispose]: bridge[Symbol.dispose],
    };
  }
  const connecting = (attempts: readonly unknown[], many: number) =>
    vi.waitFor(() => expect(attempts).toHaveLength(many));

  it.each(['succeed', 'fail'] as const)(
    'has its new calls answered, whatever becomes of a connection it gave up: %s',
    async (fate) => {
      using page = byHand();
      const { attempts, diskCache } = page;
      const given = diskCache.get('k');
      await connecting(attempts, 1);
      diskCache.disconnect();
      await expect(given).rejects.toEqual(errorMatching('DISCONNECTED'));
      const set = diskCache.set('k', 1);
      await connecting(attempts, 2);
      attempts[0]![fate]();
      await new Promise((resolve) => setImmediate(resolve));
      attempts[1]!.succeed();
      await set;
      expect(await diskCache.get('k')).toBe(1);
      diskCache.disconnect();
    },
  );

  it.each(['succeed', 'fail'] as const)(
    'listens again with its next call, whatever becomes of a connection it gave up: %s',
    async (fate) => {
      using page = byHand();
      const { attempts, diskCache } = page;
      const heard: string[] = [];
      diskCache.subscribe(({ kind }) => heard.push(kind), { onError: (error) => heard.push(String(error)) });
      await connecting(attempts, 1);
      diskCache.disconnect();
      attempts[0]![fate]();
      await new Promise((resolve) => setImmediate(resolve));
      const set = diskCache.set('k', 1);
      await connecting(attempts, 2);
      attempts[1]!.succeed();
      await set;
      await vi.waitFor(() => expect(heard).toEqual(['reset', 'set']));
      diskCache.disconnect();
    },
  );

  // A host in a utility process that died just before it was closed reported CLOSED as uncaught.
  it('does not reconnect by itself, though its connection was lost and it has subscriptions', async () => {
    using page = byHand();
    const { attempts, diskCache, bridge } = page;
    const errors: unknown[] = [];
    diskCache.subscribe(() => {}, { onError: (error) => errors.push(error) });
    await connecting(attempts, 1);
    attempts[0]!.succeed();
    await diskCache.has('anything');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      bridge.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The utility process ended'));
      while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
      diskCache.disconnect();
      await vi.runAllTimersAsync();
    } finally {
      vi.useRealTimers();
    }
    expect(attempts).toHaveLength(1);
    expect(errors).toEqual([]);
  });
});
