import { afterEach, describe, expect, it, vi } from 'vitest';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, fanout, index, settings } from '../../protocol/stores.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { errorMatching } from '../matchers.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';

const stores = {
  api: cache(),
  shards: fanout(),
  entries: index(),
  outbox: deque(),
  settings: settings<{ theme: string }>({ defaults: { theme: 'light' } }),
};

function listener() {
  const heard: ChangeOrReset[] = [];
  return {
    heard,
    listen: (change: ChangeOrReset) => void heard.push(change),
    until: (count: number) => vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(count)),
  };
}

/** Waits for an answer, by which all earlier requests of the page have been handled. */
const settled = (bridge: BridgeFixture) => bridge.diskCache.has('anything');

/** The next change, as an iteration over states. */
const next = async <T>(states: AsyncIterator<T>): Promise<T> => (await states.next()).value;

/** The messages about changes to a page that calls the main process by itself, with the first subscription. */
async function openRawPage(bridge: BridgeFixture, ranges: readonly object[]) {
  const port = bridge.rawPort();
  const messages: { number: number; changes: [number, ChangeOrReset[]][] }[] = [];
  port.on(
    'message',
    (message) => (message as { deskcache?: string }).deskcache === 'changes' && messages.push(message),
  );
  const call = (method: string, value: unknown) =>
    port.postMessage({ id: method, type: 'APPLY', path: [method], argumentList: [{ type: 'RAW', value }] });
  for (const [id, range] of ranges.entries()) call('watch', { id, store: 'api', range });
  await vi.waitFor(() => expect(bridge.sessions.at(-1)!.subscriptions).toBe(ranges.length));
  const acknowledge = () => call('seen', messages.at(-1)!.number);
  return { messages, acknowledge, until: (count: number) => vi.waitFor(() => expect(messages).toHaveLength(count)) };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('values of changes in a page', () => {
  it('are read and encoded once for a message, and only sent to subscriptions that want them', async () => {
    using bridge = openBridge({ stores });
    const store = bridge.cacheInMain('api');
    const read = vi.spyOn(store, 'getEntry');
    const ranges = [{}, { values: true }, { key: 'k', values: true }, { prefix: 'k', values: true }, { key: 'k' }];
    const { messages, until } = await openRawPage(bridge, ranges);
    read.mockClear();
    for (let n = 0; n < 3; n++) store.set('k', { n });
    await until(1);
    expect(read).toHaveBeenCalledTimes(1);
    const events = new Map(messages[0]!.changes);
    expect(events.get(0)).toEqual(new Array(3).fill({ kind: 'set', key: 'k' }));
    expect(events.get(4)).toEqual(events.get(0));
    expect(events.get(1)).toEqual(new Array(3).fill({ kind: 'set', key: 'k', value: { n: 2 } }));
    // One object in the message, however often it is referred to.
    expect(new Set([1, 2, 3].flatMap((id) => events.get(id)!)).size).toBe(1);
  });

  it('come in several messages if there are many, in order, and nothing is lost', async () => {
    using bridge = openBridge({ stores });
    const [withValues, without] = [listener(), listener()];
    bridge.diskCache.subscribe(withValues.listen);
    const api = bridge.diskCache.cache('api');
    api.subscribe(withValues.listen, { values: true });
    api.subscribe(without.listen, { from: 0 });
    await settled(bridge);
    const store = bridge.cacheInMain('api');
    const text = 'x'.repeat(2000);
    for (let n = 0; n < 600; n++) store.set(n, `${n} ${text}`);
    store.clear();
    store.set('after', 1);
    await Promise.all([withValues.until(2), without.until(602)]);
    await vi.waitFor(() => expect(withValues.heard.at(-1)).toEqual({ kind: 'set', key: 'after', value: 1 }));
    // By the time they are sent the items are gone.
    expect(withValues.heard).toEqual([{ kind: 'clear' }, { kind: 'set', key: 'after', value: 1 }]);
    expect(without.heard.map(({ key }) => key)).toEqual([...Array(600).keys(), undefined, 'after']);
    for (let n = 0; n < 600; n++) store.set(n, `${n} ${text}`);
    await withValues.until(602);
    expect(withValues.heard.slice(2)).toEqual(
      Array.from({ length: 600 }, (_, n) => ({ kind: 'set', key: n, value: `${n} ${text}` })),
    );
  });

  it('are reported as reset if they are large, in their place among the others; watch reads them', async () => {
    using bridge = openBridge({ stores });
    const { heard, listen, until } = listener();
    const api = bridge.diskCache.cache('api');
    api.subscribe(listen, { values: true });
    const states = api.watch('large')[Symbol.asyncIterator]();
    expect(await next(states)).toBeUndefined();
    const large = new Uint8Array(100_000).fill(7);
    bridge.cacheInMain('api').setMany([
      ['a', 1],
      ['large', large],
      ['b', 2],
    ]);
    await until(3);
    expect(heard).toEqual([
      { kind: 'set', key: 'a', value: 1 },
      { kind: 'reset' },
      { kind: 'set', key: 'b', value: 2 },
    ]);
    expect(await next(states)).toEqual(large);
    const huge = new Uint8Array(40 * 2 ** 20).fill(8);
    bridge.cacheInMain('api').set('large', huge);
    expect(Buffer.compare((await next(states)) as Uint8Array, huge)).toBe(0);
    await states.return!();
  });

  it('have small parts in any number: what counts is their size', async () => {
    using bridge = openBridge({ stores });
    const { heard, listen, until } = listener();
    bridge.diskCache.cache('api').subscribe(listen, { values: true });
    await settled(bridge);
    const value = Array.from({ length: 1000 }, (_, n) => ({ n }));
    bridge.cacheInMain('api').set('k', value);
    await until(1);
    expect(heard).toEqual([{ kind: 'set', key: 'k', value }]);
  });

  it('that are damaged come as an error, and end watch with it', async () => {
    using bridge = openBridge({ stores: { api: cache({ fileThreshold: 100, memory: 0 }) } });
    const { heard, listen, until } = listener();
    const api = bridge.diskCache.cache('api');
    await api.set('k', 'small');
    const states = api.watch('k')[Symbol.asyncIterator]();
    expect(await next(states)).toBe('small');
    api.subscribe(listen, { key: 'k', values: true });
    await settled(bridge);
    bridge.cacheInMain('api').transact(() => {
      bridge.cacheInMain('api').set('k', 'x'.repeat(1000));
    });
    bridge.damageFiles('api');
    await until(1);
    expect(heard).toEqual([{ kind: 'set', key: 'k', before: 'small', error: errorMatching('CORRUPT', 'k') }]);
    expect(heard[0]!.error).toBeInstanceOf(DiskCacheError);
    expect(heard[0]!.error!.message).not.toContain(bridge.cacheInMain('api').directory);
    await expect(states.next()).rejects.toEqual(errorMatching('CORRUPT'));
    expect(await states.next()).toEqual({ done: true, value: undefined });
    await api.set('k', 'whole');
    await until(2);
    expect(heard[1]).toEqual({ kind: 'set', key: 'k', value: 'whole' });
  });

  it('that can’t be sent are reported as reset', async () => {
    const codec = { name: 'calls', encode: () => 'f', decode: () => () => 1 };
    using bridge = openBridge({ stores: { api: cache({ codec }) } });
    const { heard, listen, until } = listener();
    bridge.diskCache.cache('api').subscribe(listen, { values: true });
    await settled(bridge);
    bridge.cacheInMain('api').set('k', 1);
    await until(1);
    expect(heard).toEqual([{ kind: 'reset' }]);
  });

  it('need read access, and nothing of a byte limit', async () => {
    using bridge = openBridge({ stores, grant: { stores: { api: 'read' }, bytes: 1 } });
    const { heard, listen, until } = listener();
    bridge.diskCache.cache('api').subscribe(listen, { values: true });
    const why = new Promise((onError) => {
      bridge.diskCache.cache('shards').subscribe(() => {}, { key: 'k', values: true, onError });
    });
    expect(await why).toEqual(errorMatching('NOT_ALLOWED'));
    const states = bridge.diskCache.cache('shards').watch('k');
    await expect(states.next()).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    await settled(bridge).catch(() => {});
    bridge.cacheInMain('api').set('k', 'more than one byte');
    await until(1);
    expect(heard).toEqual([{ kind: 'set', key: 'k', value: 'more than one byte' }]);
  });

  it('are forgotten when the connection was lost; watch yields the present state again', async () => {
    using bridge = openBridge({ stores });
    const api = bridge.diskCache.cache('api');
    const { heard, listen, until } = listener();
    await api.set('k', 1);
    api.subscribe(listen, { key: 'k', values: true });
    const states = [api.watch('k'), api.watchMany({ prefix: 'k' })] as const;
    expect([await states[0].next(), await states[1].next()]).toEqual([
      { done: false, value: 1 },
      { done: false, value: [['k', 1]] },
    ]);
    const waiting = [states[0].next(), states[1].next()];
    bridge.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    bridge.cacheInMain('api').set('k', 2);
    expect(await Promise.all(waiting)).toEqual([
      { done: false, value: 2 },
      { done: false, value: [['k', 2]] },
    ]);
    await settled(bridge);
    await api.set('k', 3);
    await until(2);
    expect(heard).toEqual([{ kind: 'reset' }, { kind: 'set', key: 'k', value: 3, before: 2 }]);
    expect([(await states[0].next()).value, (await states[1].next()).value]).toEqual([3, [['k', 3]]]);
    await Promise.all(states.map((state) => state.return!()));
    await settled(bridge);
    expect(bridge.sessions.at(-1)!.subscriptions).toBe(1);
  });

  it('reject a watch whose connection can’t be opened again', async () => {
    using bridge = openBridge({ stores });
    let isGone = false;
    const page = new DiskCache(async () => {
      if (isGone) throw new DiskCacheError('NOT_ALLOWED', 'The window may not connect any more');
      return bridge.rawPort() as never;
    });
    const states = [page.cache('api').watch('k'), page.cache('api').watchMany()];
    await Promise.all(states.map((state) => state.next()));
    const waiting = states[0]!.next();
    isGone = true;
    bridge.sessions.at(-1)!.close(new DiskCacheError('DISCONNECTED', 'The connection was lost'));
    await expect(waiting).rejects.toEqual(errorMatching('NOT_ALLOWED', 'any more'));
    // Nothing was waiting for it when it failed.
    await expect(states[1]!.next()).rejects.toEqual(errorMatching('NOT_ALLOWED', 'any more'));
    for (const state of states) expect(await state.next()).toEqual({ done: true, value: undefined });
    await expect(page.cache('api').watch('k').next()).rejects.toEqual(errorMatching('NOT_ALLOWED'));
  });

  it('are those that were stored when a subscription to keys began, as before', async () => {
    using bridge = openBridge({ stores });
    const api = bridge.diskCache.cache('api');
    const [one, several] = [listener(), listener()];
    await api.setMany([
      ['a', 1],
      [['b', 2], { x: 1 }],
    ]);
    api.subscribe(one.listen, { key: 'a', values: true });
    api.subscribe(several.listen, { keys: new Set(['a', ['b', 2], 'none']), values: true });
    // In the same turn, and in one message with the first subscription.
    await Promise.all([api.set('a', 2), api.delete(['b', 2]), api.set('none', 3)]);
    await Promise.all([one.until(1), several.until(3)]);
    expect(one.heard).toEqual([{ kind: 'set', key: 'a', value: 2, before: 1 }]);
    expect(several.heard).toEqual([
      { kind: 'set', key: 'a', value: 2, before: 1 },
      { kind: 'delete', key: ['b', 2], before: { x: 1 } },
      { kind: 'set', key: 'none', value: 3 },
    ]);
  });

  it('may be those of 4096 keys, in any number of subscriptions', async () => {
    using bridge = openBridge({ stores });
    const api = bridge.diskCache.cache('api');
    const failures: unknown[] = [];
    const onError = (error: unknown) => failures.push(error);
    const { heard, listen, until } = listener();
    for (let n = 0; n < 600; n++) api.subscribe(listen, { key: n, values: true, onError });
    api.subscribe(listen, { keys: Array.from({ length: 3496 }, (_, n) => 1000 + n), onError });
    await settled(bridge);
    expect(bridge.sessions[0]!.subscriptions).toBe(601);
    api.subscribe(listen, { key: 'one more', onError });
    api.subscribe(listen, { keys: new Set(Array(5000).keys()), onError });
    api.subscribe(listen, { prefix: 'range', onError });
    await vi.waitFor(() => expect(failures).toEqual(new Array(2).fill(errorMatching('TOO_LARGE', '4096 keys'))));
    await api.setMany([5, 599, 600, 1000, 4495, 4496, 'range'].map((key) => [key, 1]));
    await until(5);
    expect(heard.map(({ key }) => key).toSorted()).toEqual([1000, 4495, 5, 599, 'range']);
  });

  it('are not those of a deque, a queue or settings', async () => {
    using bridge = openBridge({ stores });
    const why = (name: string, options: object) =>
      new Promise((onError) => {
        bridge.diskCache.cache(name).subscribe(() => {}, { ...options, onError });
      });
    expect(await why('outbox', { values: true })).toEqual(errorMatching('BAD_OPTION', 'watch'));
    expect(await why('settings', { key: 'theme' })).toEqual(errorMatching('BAD_OPTION', 'watch'));
    expect(await why('api', { key: 1, prefix: 'a' })).toEqual(errorMatching('BAD_OPTION', 'one of them'));
    expect(await why('api', { values: 'yes' })).toEqual(errorMatching('BAD_OPTION', 'values'));
    expect(await why('api', { keys: 5 })).toEqual(errorMatching('BAD_OPTION', 'keys'));
  });

  it('of a deque are read by watch', async () => {
    using bridge = openBridge({ stores });
    const outbox = bridge.diskCache.deque('outbox');
    await outbox.push('a');
    const control = new AbortController();
    const states = outbox.watch({ signal: control.signal });
    expect(await next(states)).toEqual(['a']);
    await outbox.push('b', { of: 'c' });
    expect(await next(states)).toEqual(['a', 'b', { of: 'c' }]);
    const waiting = states.next();
    control.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const [first] = [outbox.watch()];
    expect(await next(first)).toEqual(['a', 'b', { of: 'c' }]);
    await first.return!();
  });
});
