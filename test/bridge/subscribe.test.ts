import { describe, expect, it, vi } from 'vitest';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import { errorMatching } from '../matchers.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';

const stores = { api: cache(), shards: fanout(), settings: index(), outbox: deque() };

/** What a listener has heard; `until` waits for so many. */
function listener() {
  const heard: ChangeOrReset[] = [];
  return {
    heard,
    listen: (change: ChangeOrReset) => void heard.push(change),
    until: (many: number) => vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(many)),
  };
}

/** A page that is certain to listen: what it asked for before an answer came has been dealt with. */
const settled = (bridge: BridgeFixture) => bridge.diskCache.has('anything');

describe('a page that listens', () => {
  it.each(['api', 'shards', 'settings'])('receives every change, in order: %s', async (name) => {
    using bridge = openBridge({ stores });
    const { heard, listen, until } = listener();
    bridge.diskCache.cache(name).subscribe(listen);
    await settled(bridge);
    bridge.cacheInMain(name).set('main', 1);
    const other = bridge.anotherPage();
    await other.cache(name).set('a', 1);
    await other.cache(name).set('a', 2);
    await other.cache(name).delete('a');
    await other.cache(name).clear();
    await until(5);
    const kinds = heard.map(({ kind, key }) => `${kind} ${String(key)}`);
    expect(kinds).toEqual(['set main', 'set a', 'set a', 'delete a', 'clear undefined']);
  });

  it('receives the changes of a deque', async () => {
    using bridge = openBridge({ stores });
    const { heard, listen, until } = listener();
    bridge.diskCache.deque('outbox').subscribe(listen);
    await settled(bridge);
    await bridge.diskCache.deque('outbox').push('a');
    await bridge.diskCache.deque('outbox').shift();
    await until(2);
    expect(heard).toEqual([{ kind: 'set' }, { kind: 'delete' }]);
  });

  it('receives the changes of the requested keys: by prefix, by range', async () => {
    using bridge = openBridge({ stores });
    const [prefix, range, all] = [listener(), listener(), listener()];
    const api = bridge.diskCache.cache('api');
    api.subscribe(prefix.listen, { prefix: ['user', 1] });
    api.subscribe(range.listen, { from: 'b', to: 'd' });
    api.subscribe(all.listen);
    await settled(bridge);
    const keys = ['a', 'b', 'c', 'd', ['user', 1, 'x'], ['user', 12]];
    await api.setMany(keys.map((key) => [key, 1]));
    await all.until(keys.length);
    expect(prefix.heard).toEqual([{ kind: 'set', key: ['user', 1, 'x'] }]);
    expect(range.heard.map(({ key }) => key)).toEqual(['b', 'c']);
  });

  it('receives nothing after it has unsubscribed, and the main process keeps nothing', async () => {
    using bridge = openBridge({ stores });
    const { heard, listen, until } = listener();
    const api = bridge.diskCache.cache('api');
    const stops = Array.from({ length: 50 }, () => api.subscribe(listen));
    await settled(bridge);
    expect(bridge.sessions[0]!.subscriptions).toBe(50);
    await api.set('a', 1);
    await until(50);
    for (const stop of stops) stop();
    for (const stop of stops) stop();
    await settled(bridge);
    expect(bridge.sessions[0]!.subscriptions).toBe(0);
    await api.set('b', 1);
    await settled(bridge);
    expect(heard).toHaveLength(50);
  });

  it('gets what happened in one turn in one message, and the next one when it has seen that', async () => {
    using bridge = openBridge({ stores });
    const port = bridge.rawPort();
    const messages: { number: number; changes: [number, ChangeOrReset[]][] }[] = [];
    port.on(
      'message',
      (message) => (message as { deskcache?: string }).deskcache === 'changes' && messages.push(message),
    );
    const call = (id: string, method: string, value: unknown) =>
      port.postMessage({ id, type: 'APPLY', path: [method], argumentList: [{ type: 'RAW', value }] });
    call('1', 'watch', { id: 7, store: 'api', range: {} });
    await vi.waitFor(() => expect(bridge.sessions[0]!.subscriptions).toBe(1));
    const store = bridge.cacheInMain('api');
    for (let n = 0; n < 3; n++) store.set(n, n);
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    expect(messages[0]!.changes[0]![1]).toHaveLength(3);
    for (let n = 0; n < 1000; n++) store.set(n, n);
    // What would have been said by now has come before the answer to a call.
    const answered = new Promise((resolve) =>
      port.on('message', (message) => Array.isArray(message) && resolve(message)),
    );
    await new Promise((resolve) => setImmediate(resolve));
    port.postMessage([1, [['api', 'has', 'k']]]);
    await answered;
    expect(messages).toHaveLength(1);
    call('2', 'seen', messages[0]!.number);
    await vi.waitFor(() => expect(messages).toHaveLength(2));
    expect(messages[1]!.changes[0]![1]).toHaveLength(1000);
    // It doesn't say that it has seen them, and far too much happens: one word instead of all that.
    for (let n = 0; n < 20_000; n++) store.set(`a key of some length ${n}`, n);
    call('3', 'seen', messages[1]!.number);
    await vi.waitFor(() => expect(messages).toHaveLength(3));
    expect(messages[2]!.changes).toEqual([[7, [{ kind: 'reset' }]]]);
  });

  it('receives a reset when its connection was lost, and subscribes again by itself', async () => {
    using bridge = openBridge({ stores });
    const { heard, listen, until } = listener();
    bridge.diskCache.cache('api').subscribe(listen);
    await settled(bridge);
    bridge.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    await until(1);
    expect(heard).toEqual([{ kind: 'reset' }]);
    expect(bridge.sessions[0]!.subscriptions).toBe(0);
    await settled(bridge);
    bridge.cacheInMain('api').set('a', 1);
    await until(2);
    expect(heard[1]).toEqual({ kind: 'set', key: 'a' });
  });

  it('receives the reason when it can’t be served', async () => {
    using bridge = openBridge({ stores, grant: { stores: { api: 'read' } } });
    const why = (name: string, range = {}) =>
      new Promise((onError) => {
        bridge.diskCache.cache(name).subscribe(() => {}, { ...range, onError });
      });
    expect(await why('settings')).toEqual(errorMatching('NOT_ALLOWED'));
    expect(await why('nowhere')).toEqual(errorMatching('NOT_ALLOWED'));
    expect(await why('api', { prefix: 5 })).toEqual(errorMatching('BAD_OPTION'));
    expect(() => bridge.diskCache.cache('api').subscribe(() => {}, { prefix: (() => 1) as never })).toThrow(/prefix/);
    expect(() => bridge.diskCache.cache('api').subscribe('listen' as never)).toThrow(/function/);
  });

  it('can have 256 subscriptions, not more', async () => {
    using bridge = openBridge({ stores });
    const failures: unknown[] = [];
    for (let n = 0; n < 260; n++)
      bridge.diskCache.cache('api').subscribe(() => {}, { onError: (error) => failures.push(error) });
    await vi.waitFor(() => expect(failures).toHaveLength(4));
    expect(failures[0]).toEqual(errorMatching('TOO_LARGE'));
    expect(bridge.sessions[0]!.subscriptions).toBe(256);
  });
});
