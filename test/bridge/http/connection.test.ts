import { describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../../client/port-connection.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { DiskCache } from '../../../renderer-api/disk-cache.ts';
import { errorMatching } from '../../matchers.ts';
import { openRawPort } from '../raw-port.ts';
import { openHttpPage } from './http-port-fixture.ts';

describe('the connection in pages', () => {
  it('is shared: a page with the grant switches it, and all pages are notified', async () => {
    using page = openHttpPage({ fetch: () => new Response('x') });
    const other = page.anotherPage({ stores: { '@fetch': 'read' } });
    const heard: [string, boolean][] = [];
    page.diskCache.connection.subscribe((online) => heard.push(['page', online]));
    const stop = other.connection.subscribe((online) => heard.push(['other', online]));
    expect([await page.diskCache.connection.online, await other.connection.online]).toEqual([true, true]);
    await page.diskCache.connection.goOffline();
    await page.diskCache.connection.goOffline();
    expect(page.offline.connection.isOnline()).toBe(false);
    await vi.waitFor(() =>
      expect(heard.toSorted()).toEqual([
        ['other', false],
        ['page', false],
      ]),
    );
    await expect(other.fetch('https://a.example/')).rejects.toThrow(TypeError);
    await expect(other.connection.goOnline()).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    stop();
    page.offline.connection.set(true);
    await vi.waitFor(() => expect(heard.length).toBe(3));
    expect([heard[2], await other.connection.online]).toEqual([['page', true], true]);
  });

  it('is reported again after the port was lost, including what changed in between', async () => {
    using page = openHttpPage();
    const heard: boolean[] = [];
    page.diskCache.connection.subscribe((online) => heard.push(online));
    expect(await page.diskCache.connection.online).toBe(true);
    page.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    page.offline.connection.set(false);
    await vi.waitFor(() => expect(heard).toEqual([false]));
    expect([page.sessions.length, page.sessions[0]!.open]).toEqual([2, 0]);
    page.sessions[1]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    await vi.waitFor(() => expect(page.sessions.length).toBe(3));
    expect(await page.diskCache.connection.online).toBe(false);
    page.offline.connection.set(true);
    await vi.waitFor(() => expect(heard).toEqual([false, true]));
  });

  it('tells a page without the grant why, and isolates a failing listener', async () => {
    using page = openHttpPage();
    const onError = vi.fn();
    page.anotherPage({ stores: { '*': 'admin' } }).connection.subscribe(() => {}, { onError });
    await vi.waitFor(() => expect(onError).toHaveBeenCalledExactlyOnceWith(errorMatching('NOT_ALLOWED')));
    const uncaught = vi.fn();
    process.on('uncaughtException', uncaught);
    const heard: boolean[] = [];
    page.diskCache.connection.subscribe(() => {
      throw new Error('in a listener');
    });
    page.diskCache.connection.subscribe((online) => heard.push(online));
    await page.diskCache.connection.online;
    await page.diskCache.connection.goOffline();
    await vi.waitFor(() => expect([heard, uncaught.mock.calls.length]).toEqual([[false], 1]));
    process.off('uncaughtException', uncaught);
  });

  it('is switched by true and false only, and takes a function to tell', async () => {
    using page = openHttpPage();
    const raw = openRawPort(page.rawPort());
    for (const wrong of ['no', null, undefined, 1]) {
      expect(await raw.call('setOnline', wrong)).toMatchObject({ value: { fault: { code: 'BAD_OPTION' } } });
    }
    expect(page.offline.connection.isOnline()).toBe(true);
    await raw.call('setOnline', false);
    expect(page.offline.connection.isOnline()).toBe(false);
    const onError = vi.fn();
    page.diskCache.connection.subscribe('tell me' as never, { onError });
    await vi.waitFor(() => expect(onError).toHaveBeenCalledExactlyOnceWith(errorMatching('BAD_OPTION')));
  });

  it.each(['succeeds', 'fails'])('is heard of after a disconnect, whether the connection given up %s', async (fate) => {
    using page = openHttpPage();
    const attempts: { resolve(port: MessagePortLike): void; reject(error: DiskCacheError): void }[] = [];
    const connect = () => new Promise<MessagePortLike>((resolve, reject) => attempts.push({ resolve, reject }));
    const diskCache = new DiskCache(connect);
    const heard: unknown[] = [];
    const hear = () =>
      diskCache.connection.subscribe((online) => heard.push(online), { onError: (error) => heard.push(error) });
    hear();
    await vi.waitFor(() => expect(attempts).toHaveLength(1));
    diskCache.disconnect();
    const online = diskCache.connection.online;
    await vi.waitFor(() => expect(attempts).toHaveLength(2));
    attempts[1]!.resolve(page.rawPort() as unknown as MessagePortLike);
    expect(await online).toBe(true);
    if (fate === 'succeeds') attempts[0]!.resolve(page.rawPort() as unknown as MessagePortLike);
    else attempts[0]!.reject(new DiskCacheError('DISCONNECTED', 'nobody is there'));
    await new Promise((resolve) => setImmediate(resolve));
    hear();
    await diskCache.connection.goOffline();
    await vi.waitFor(() => expect(heard).toEqual([false, false]));
    diskCache.disconnect();
  });
});
