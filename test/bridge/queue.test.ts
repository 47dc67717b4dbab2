import { once } from 'node:events';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { Queue } from '../../main/queue/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Job, JobState, QueueEvent } from '../../protocol/job.ts';
import { toQueueAddress } from '../../protocol/stores.ts';
import { errorMatching } from '../matchers.ts';
import { createGate } from '../queue/queue-fixture.ts';
import { type BridgeFixture, type BridgeFixtureOptions, openBridge } from './bridge-fixture.ts';

/** A main process with one queue that is open, and a page that has it. */
function openOutbox<T = unknown>(options: BridgeFixtureOptions = {}) {
  const bridge = openBridge(options);
  const inMain = bridge.queues.find<T>('outbox', { durability: 'process' });
  return {
    bridge,
    inMain,
    outbox: bridge.diskCache.queue<T>('outbox'),
    [Symbol.dispose]: () => bridge[Symbol.dispose](),
  };
}

/** Takes up what is ready until it is told to stop, and leaves running what waits. */
function work<T>(queue: Queue<T>, handler: Parameters<Queue<T>['process']>[0]) {
  const stopping = new AbortController();
  const working = queue.process(handler, { signal: stopping.signal, concurrency: 4, retry: { attempts: 1 } });
  return async () => {
    stopping.abort();
    await working;
  };
}

/** A listener of a page that is certain to listen. */
async function listening<T>(outbox: RemoteQueue<T>) {
  const heard: string[] = [];
  const stop = outbox.subscribe((event) => heard.push('id' in event ? `${event.kind} ${event.id}` : event.kind));
  await outbox.counts();
  return { heard, stop, until: (word: string) => vi.waitFor(() => expect(heard).toContain(word)) };
}

const ids = async <T>(outbox: RemoteQueue<T>, state: JobState) => (await outbox.jobs(state)).map(({ id }) => id);

describe('a page with a queue of the main process', () => {
  it('enqueues with delay, priority, group and dedupe key, and looks', async () => {
    using opened = openOutbox();
    const { outbox } = opened;
    const payload = { text: 'Hello', at: new Date(5), bytes: new Uint8Array([1, 2]) };
    expect(await outbox.enqueue(payload, { dedupeKey: ['note', 1] })).toEqual({ id: 1, duplicate: false });
    expect(await outbox.enqueue('again', { dedupeKey: ['note', 1] })).toEqual({ id: 1, duplicate: true });
    const many = new Set([
      { payload: 'later', delay: 60_000 },
      { payload: 'first', priority: 5 },
      { payload: 'a', group: 'g' },
      { payload: 'b', group: 'g' },
    ]);
    expect((await outbox.enqueueMany(many)).map(({ id }) => id)).toEqual([2, 3, 4, 5]);
    expect(await outbox.get(1)).toMatchObject({ id: 1, payload, state: 'ready', attempts: 0, dedupeKey: ['note', 1] });
    expect(await outbox.get(99)).toBeUndefined();
    expect(await outbox.counts()).toEqual({ ready: 3, delayed: 1, held: 1, running: 0, dead: 0, done: 0 });
    expect([await ids(outbox, 'ready'), await ids(outbox, 'delayed'), await ids(outbox, 'held')]).toEqual([
      [3, 1, 4],
      [2],
      [5],
    ]);
    expect([await outbox.remove(4), await outbox.remove(4), await ids(outbox, 'ready')]).toEqual([
      true,
      false,
      [3, 1, 5],
    ]);
    expect(await outbox.volume()).toBeGreaterThan(0);
    expect(await outbox.check({ repair: true })).toEqual([]);
  });

  it('gives work to the main process, and retries what has died', async () => {
    using opened = openOutbox<string>();
    const { outbox, inMain } = opened;
    const seen: string[] = [];
    const stop = work(inMain, ({ payload, bury }) => {
      seen.push(payload);
      if (payload === 'bad' && seen.length < 3) bury('no such address');
    });
    const [good, bad] = await outbox.enqueueMany([{ payload: 'good' }, { payload: 'bad' }]);
    await vi.waitFor(async () => expect(await outbox.counts()).toMatchObject({ done: 1, dead: 1 }));
    expect(await outbox.get(good!.id)).toBeUndefined();
    expect((await outbox.jobs('dead'))[0]).toMatchObject({ payload: 'bad', error: 'Buried: no such address' });
    expect([await outbox.retry(bad!.id), await outbox.retry(good!.id)]).toEqual([true, false]);
    await vi.waitFor(async () => expect(await outbox.counts()).toMatchObject({ done: 2, dead: 0 }));
    expect(seen).toEqual(['good', 'bad', 'bad']);
    await stop();
  });

  it('holds up the work, and lets it go on', async () => {
    using opened = openOutbox();
    const { outbox, inMain } = opened;
    await outbox.pause();
    expect([await outbox.paused, inMain.paused]).toEqual([true, true]);
    const stop = work(inMain, () => {});
    await outbox.enqueue('a');
    await outbox.resume();
    await vi.waitFor(async () => expect(await outbox.counts()).toMatchObject({ done: 1 }));
    expect(await outbox.paused).toBe(false);
    await stop();
  });

  it('commits the calls of a turn together, and one that fails alone', async () => {
    using opened = openOutbox<unknown>();
    const { bridge, outbox, inMain } = opened;
    const transactions = vi.spyOn(inMain, 'transact');
    const turn = await Promise.allSettled([
      outbox.enqueue('a', { group: 'g' }),
      outbox.enqueue('b', { delay: -1 }),
      outbox.enqueue((() => 1) as never),
      outbox.enqueueMany([{ payload: 'c' }, { payload: 'd', priority: Number.NaN }]),
      outbox.enqueueMany([{ pay: 'c' } as never]),
      outbox.enqueueMany(7 as never),
      outbox.enqueue('e', { group: Symbol.iterator as never }),
      outbox.enqueue('f', { dedupeKey: {}, group: 'g' }),
      outbox.counts(),
    ]);
    const codes = turn.map((it) => (it.status === 'fulfilled' ? it.value : it.reason.code));
    expect(codes).toEqual([
      { id: 1, duplicate: false },
      ...['BAD_OPTION', 'BAD_VALUE', 'BAD_OPTION', 'BAD_OPTION', 'BAD_OPTION', 'BAD_KEY'],
      { id: 2, duplicate: false },
      { ready: 1, delayed: 0, held: 1, running: 0, dead: 0, done: 0 },
    ]);
    expect(transactions).toHaveBeenCalledTimes(1);
    expect(await bridge.anotherPage().queue('Outbox').counts()).toMatchObject({ ready: 1, held: 1 });
    expect(inMain.check()).toEqual([]);
  });

  it('walks over many jobs in bounded pages', async () => {
    using opened = openOutbox<number>();
    const { outbox, inMain } = opened;
    inMain.enqueueMany(Array.from({ length: 1300 }, (_, n) => ({ payload: n })));
    const pages = vi.spyOn(inMain, 'page');
    const met: number[] = [];
    for await (const { payload } of outbox.jobs('ready')) {
      met.push(payload);
      if (met.length === 150) break;
    }
    expect(pages).toHaveBeenCalledTimes(2);
    expect(met).toEqual(Array.from({ length: 150 }, (_, n) => n));
    expect(await outbox.jobs('ready')).toHaveLength(1300);
    await expect(outbox.jobs('done' as never)).rejects.toEqual(errorMatching('BAD_OPTION'));
  });

  it('walks over groups of every kind of key', async () => {
    using opened = openOutbox<number>();
    const { outbox, inMain } = opened;
    const groups = [new Date(5), new Uint8Array([1]), { a: [1n, null] }, Number.NaN, 'text', ['x', true]];
    await outbox.enqueueMany(Array.from({ length: 606 }, (_, n) => ({ payload: n, group: groups[n % 6]! })));
    const held = await outbox.jobs('held');
    expect(held.map(({ id }) => id)).toEqual(Array.from(inMain.jobs('held'), ({ id }) => id));
    expect(held).toHaveLength(600);
    expect(
      new Set(held.map(({ group }) => JSON.stringify(group, (_, it) => (typeof it === 'bigint' ? 'n' : it)))).size,
    ).toBe(6);
  });

  it('has no batch and no near cache for a queue, and gets an error for an unknown one', async () => {
    using opened = openOutbox();
    const { bridge } = opened;
    const address = toQueueAddress('outbox');
    await expect(bridge.callOnNewSession(address, 'batch', [{ enqueue: ['a'] }])).rejects.toThrow(/enqueueMany/);
    await expect(bridge.callOnNewSession(address, 'transact', 'a')).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    await expect(bridge.callOnNewSession(address, 'process', 'a')).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    expect(() => bridge.diskCache.nearCache(address)).toThrow(errorMatching('BAD_OPTION'));
    const port = bridge.rawPort();
    const answered = once(port, 'message');
    port.postMessage({ id: '1', type: 'APPLY', path: ['near'], argumentList: [{ type: 'RAW', value: address }] });
    expect(await answered).toMatchObject([{ id: '1', value: { error: { code: 'BAD_OPTION' } } }]);
    await expect(bridge.diskCache.queue('uploads').counts()).rejects.toThrow(/host\.queue\("uploads"\)/);
    for (const name of ['', '../outbox', '@queue/outbox', 'a/b', '__proto__']) {
      expect(() => bridge.diskCache.queue(name)).toThrow(errorMatching('BAD_OPTION'));
      await expect(bridge.callOnNewSession(toQueueAddress(name), 'counts')).rejects.toEqual(
        errorMatching('NO_SUCH_STORE'),
      );
    }
    await expect(bridge.diskCache.cache('outbox').get('k')).rejects.toEqual(errorMatching('NO_SUCH_STORE'));
  });
});

it('a queue in a page has the types of its payload, and nothing that takes a function', () => {
  using opened = openOutbox<{ readonly text: string }>();
  const { outbox } = opened;
  expectTypeOf(outbox.enqueue).parameter(0).toEqualTypeOf<{ readonly text: string }>();
  expectTypeOf(outbox.get).returns.resolves.toEqualTypeOf<Job<{ readonly text: string }> | undefined>();
  expectTypeOf(outbox.jobs('dead')).resolves.toEqualTypeOf<Job<{ readonly text: string }>[]>();
  expectTypeOf<(typeof outbox)['paused']>().toEqualTypeOf<Promise<boolean>>();
  for (const absent of ['process', 'transact', 'batch', 'page', 'set', 'keys', 'now', 'onChange'])
    expect(absent in outbox, absent).toBe(false);
  for (const absent of ['enqueue', 'jobs']) expect(absent in opened.bridge.diskCache.cache('api'), absent).toBe(false);
});

describe('a page that was granted a part', () => {
  const attempts = (outbox: RemoteQueue): Promise<unknown>[] => [
    outbox.counts(),
    outbox.enqueue('a'),
    outbox.pause(),
    outbox.check(),
  ];
  const refusals = async (bridge: BridgeFixture, name = 'outbox') => {
    const settled = await Promise.allSettled(attempts(bridge.diskCache.queue(name)));
    return settled.map((it) => (it.status === 'fulfilled' ? 'done' : (it.reason as { code: string }).code));
  };
  const NO = 'NOT_ALLOWED';

  it.each([
    [{ '@queue/outbox': 'admin' }, ['done', 'done', 'done', 'done']],
    [{ '@queue/outbox': 'write' }, ['done', 'done', NO, NO]],
    [{ '@queue/outbox': 'read' }, ['done', NO, NO, NO]],
    [{ '*': 'admin', '@queue/outbox': 'read' }, ['done', NO, NO, NO]],
    [{ '*': 'admin', '@queue/OutBox': 'read' }, ['done', NO, NO, NO]],
    [{ '*': 'write' }, ['done', 'done', NO, NO]],
    [{ '@queue/other': 'admin', outbox: 'admin' }, [NO, NO, NO, NO]],
  ] as const)('of %j: %j', async (stores, expected) => {
    using opened = openOutbox({ grant: { stores } });
    expect(await refusals(opened.bridge)).toEqual(expected);
    expect(await refusals(opened.bridge, 'OUTBOX')).toEqual(expected);
  });

  it('receives no events of a queue that it may not read', async () => {
    using opened = openOutbox({ grant: { stores: { api: 'admin' } } });
    const why = new Promise((onError) => opened.outbox.subscribe(() => {}, { onError }));
    expect(await why).toEqual(errorMatching('NOT_ALLOWED'));
    expect(() => opened.outbox.subscribe('listen' as never)).toThrow(errorMatching('BAD_OPTION'));
  });

  it('pays for what it enqueues with the bytes it may write', async () => {
    using opened = openOutbox({ grant: { stores: { '*': 'write' }, bytes: 50_000 } });
    const { outbox, inMain } = opened;
    await outbox.enqueue(new Uint8Array(30_000));
    await expect(outbox.enqueueMany([{ payload: 'x'.repeat(30_000) }])).rejects.toEqual(errorMatching('TOO_LARGE'));
    await expect(outbox.enqueue('x'.repeat(30_000))).rejects.toThrow(/was granted 50000 bytes/);
    expect(inMain.counts().ready).toBe(1);
  });
});

describe('pages that listen to a queue', () => {
  it('hear what becomes of a job that another page has enqueued, in order', async () => {
    using opened = openOutbox<string>();
    const { bridge, outbox, inMain } = opened;
    const other = bridge.anotherPage().queue<string>('outbox');
    const [here, there] = [await listening(outbox), await listening(other)];
    const { passed, open } = createGate();
    const stop = work(inMain, async ({ payload, report, bury }) => {
      if (payload === 'bad') bury('no');
      report({ percent: 50 });
      await passed;
    });
    await outbox.enqueue('good');
    await there.until('progress 1');
    expect(await other.get(1)).toMatchObject({ state: 'running', progress: { percent: 50 } });
    open();
    await there.until('done 1');
    await outbox.enqueue('bad');
    await there.until('dead 2');
    await other.remove(2);
    await other.pause();
    await other.resume();
    const all = ['enqueued 1', 'started 1', 'progress 1', 'done 1', 'enqueued 2', 'started 2', 'failed 2', 'dead 2'];
    await here.until('resumed');
    expect(here.heard).toEqual([...all, 'removed 2', 'paused', 'resumed']);
    await vi.waitFor(() => expect(there.heard).toEqual(here.heard));
    await stop();
  });

  it('receive a notice that events were missed', async () => {
    using opened = openOutbox<number>();
    const { bridge, outbox, inMain } = opened;
    const { heard, until } = await listening(outbox);
    for (let n = 0; n < 4; n++) inMain.enqueueMany(Array.from({ length: 5000 }, () => ({ payload: n })));
    await until('missed');
    expect(heard.length).toBeLessThan(20_000);
    heard.length = 0;
    bridge.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    await until('missed');
    await outbox.counts();
    inMain.enqueue(1);
    await until('enqueued 20001');
  });

  it('leave nothing behind: when they stop, and when they are reloaded', async () => {
    using opened = openOutbox();
    const { bridge, outbox, inMain } = opened;
    const events: QueueEvent[] = [];
    for (let reload = 0; reload < 5; reload++) {
      const page = bridge.anotherPage();
      const stops = Array.from({ length: 10 }, () => page.queue('outbox').subscribe((event) => events.push(event)));
      await page.queue('outbox').counts();
      expect(bridge.sessions.at(-1)!.subscriptions).toBe(10);
      if (reload === 0) {
        for (const stop of stops) stop();
        await page.queue('outbox').counts();
        expect(bridge.sessions.at(-1)!.subscriptions).toBe(0);
      }
      bridge.sessions.at(-1)!.close(new DiskCacheError('DISCONNECTED', 'The page is being replaced by another'));
    }
    const before = events.length;
    await outbox.enqueue('a');
    expect(bridge.sessions.map(({ subscriptions }) => subscriptions)).toEqual(bridge.sessions.map(() => 0));
    expect(events.length).toBe(before);
    expect(inMain.counts().ready).toBe(1);
  });
});
