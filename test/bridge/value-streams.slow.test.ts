import { describe, expect, it, vi } from 'vitest';
import { readLargeValue } from '../../client/large-values.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import { MAX_CHUNK_BYTES, MAX_INLINE_BYTES } from '../../protocol/value-stream.ts';
import { collectGarbage } from '../gc.ts';
import { errorMatching } from '../matchers.ts';
import { openBridge } from './bridge-fixture.ts';
import { createPattern, equalBytes } from './byte-pattern.ts';

const MIB = 2 ** 20;
const SIZES = [MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 3 * MIB, 5 * MIB + 7];

async function readAll(stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array | undefined> {
  return stream && new Uint8Array(await new Response(stream as never).arrayBuffer());
}
const stores = () => ({ api: cache(), spread: fanout({ shards: 2 }), facts: index(), list: deque() });

describe('a large value', () => {
  it.each(SIZES)('of %i bytes goes there and back', async (bytes) => {
    using bridge = openBridge({ stores: stores() });
    const value = createPattern(bytes);
    for (const name of ['api', 'spread']) {
      const store = bridge.diskCache.cache(name);
      await store.set('large', value, { tag: 'films' });
      expect(equalBytes(bridge.cacheInMain(name).get('large'), value)).toBe(true);
      expect(equalBytes(await store.get('large'), value)).toBe(true);
      expect((await store.getEntry('large'))?.tag).toBe('films');
    }
    expect(bridge.sessions[0]!.streams).toBe(0);
  });

  it('that is a text comes back as one, with its byte order mark', async () => {
    using bridge = openBridge({ stores: stores() });
    const text = `\uFEFF${'ä€😀'.repeat(MIB / 4)}`;
    await bridge.diskCache.cache('api').set('text', text);
    expect((await bridge.diskCache.cache('api').get('text')) === text).toBe(true);
  });

  it('of another kind than bytes and text travels whole', async () => {
    using bridge = openBridge({ stores: stores() });
    const value = { list: Array.from({ length: 50_000 }, (_, n) => `a text of some length ${n}`) };
    await bridge.diskCache.cache('api').set('object', value);
    expect(await bridge.diskCache.cache('api').get('object')).toEqual(value);
  });

  it('travels whole to a store that isn’t a cache, known as one or not', async () => {
    using bridge = openBridge({ stores: stores() });
    const app = bridge.diskCache.as<ReturnType<typeof stores>>();
    const value = createPattern(3 * MIB);
    await app.facts.set('large', value);
    expect(equalBytes(await app.facts.get('large'), value)).toBe(true);
    await bridge.diskCache.index('facts').set('other', value);
    expect(equalBytes(await bridge.diskCache.index('facts').get('other'), value)).toBe(true);
    await app.list.push(value);
    expect(equalBytes(await app.list.at(0), value)).toBe(true);
  });

  it('is sent whole to a cache with a codec of its own, which encodes it', async () => {
    const codec = {
      name: 'inverted',
      encode: vi.fn((v: unknown) => (v as Uint8Array).map((b) => ~b)),
      decode: (d: unknown) => (d as Uint8Array).map((b) => ~b),
    };
    using bridge = openBridge({ stores: { api: cache({ codec }) } });
    const value = createPattern(3 * MIB);
    await bridge.diskCache.cache('api').set('large', value);
    expect(codec.encode).toHaveBeenCalledOnce();
    expect(equalBytes(await bridge.diskCache.cache('api').get('large'), value)).toBe(true);
  });

  it('keeps its place among the calls on its store', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    const [first, second] = [createPattern(2 * MIB, 1), createPattern(3 * MIB, 2)];
    const before = store.set('k', 'before');
    const large = store.set('k', first);
    const read = store.get('k');
    const again = store.set('k', second);
    const readAgain = store.get('k');
    const elsewhere = bridge.diskCache.set('k', 'elsewhere');
    expect(equalBytes(await read, first)).toBe(true);
    expect(equalBytes(await readAgain, second)).toBe(true);
    const [third, last] = [store.set('k', first), store.set('k', 'after')];
    await Promise.all([before, large, again, elsewhere, third, last]);
    expect(await store.get('k')).toBe('after');
  });

  it('lets what has waited for it go before what comes later', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    const large = store.set('k', createPattern(2 * MIB));
    const waiting = store.set('k', 'next');
    await large;
    expect(await store.getMany(['k'])).toEqual(['next']);
    await waiting;
  });

  it('that is missing, or expired, is undefined', async () => {
    using bridge = openBridge({ stores: stores() });
    await bridge.diskCache.cache('api').set('large', createPattern(2 * MIB), { ttl: 0 });
    expect(await bridge.diskCache.cache('api').get('large')).toBeUndefined();
  });

  it('that is damaged is CORRUPT, and nothing stays open', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.set('large', createPattern(2 * MIB));
    await bridge.damageFiles('api');
    await expect(store.get('large')).rejects.toEqual(errorMatching('CORRUPT'));
    expect(bridge.sessions[0]!.streams).toBe(0);
  });

  it('for which the page has no memory rejects, and nothing stays open', async () => {
    using bridge = openBridge({ stores: stores() });
    await bridge.diskCache.cache('api').set('large', createPattern(2 * MIB));
    const page = bridge.anotherClient();
    const step = page.streamStep.bind(page) as (...asked: readonly unknown[]) => Promise<unknown>;
    page.streamStep = async (...asked: readonly unknown[]): Promise<never> => {
      const answer = await step(...asked);
      return (asked[2] === 'openStream' ? { ...Object(answer), size: Number.MAX_SAFE_INTEGER } : answer) as never;
    };
    await expect(readLargeValue(page, 'api', 'large')).rejects.toThrow(RangeError);
    expect(bridge.sessions.at(-1)!.streams).toBe(0);
  });

  it('refuses what the store refuses, and leaves nothing', async () => {
    using bridge = openBridge({ stores: { api: cache({ sizeLimit: 2 * MIB }) } });
    const store = bridge.diskCache.cache('api');
    await expect(store.set('large', createPattern(3 * MIB))).rejects.toEqual(errorMatching('TOO_LARGE'));
    await expect(store.set('large', createPattern(2 * MIB), { tag: {} as string })).rejects.toEqual(
      errorMatching('BAD_OPTION'),
    );
    expect(await store.size).toBe(0);
    expect(bridge.sessions[0]!.streams).toBe(0);
  });

  it('of the main process’s own reading has no limit, also while a page writes', async () => {
    using bridge = openBridge({ stores: stores() });
    const inMain = bridge.cacheInMain('api');
    const value = createPattern(3 * MIB);
    inMain.set('large', value);
    let read: unknown;
    inMain.subscribe(() => {
      read = inMain.get('large');
    });
    await bridge.diskCache.cache('api').set('small', 1);
    expect(equalBytes(read, value)).toBe(true);
  });
});

describe('a stream of a page', () => {
  it('goes both ways, in parts and whole', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    const value = createPattern(2 * MIB + 11);
    await store.writeStream('film', new Blob([value as Uint8Array<ArrayBuffer>]).stream());
    expect(equalBytes(await readAll(await store.openReadStream('film')), value)).toBe(true);
    const part = await readAll(await store.openReadStream('film', { start: 100, end: MAX_CHUNK_BYTES * 2 }));
    expect(equalBytes(part, value.slice(100, MAX_CHUNK_BYTES * 2))).toBe(true);
    expect(await readAll(await store.openReadStream('film', { start: 3 * MIB }))).toHaveLength(0);
    expect(await store.openReadStream('none')).toBeUndefined();
    await expect(store.openReadStream('film', { start: -1 })).rejects.toEqual(errorMatching('BAD_OPTION'));
  });

  it('exists for the window’s own shard', async () => {
    using own = openBridge({ stores: { own: cache() } });
    using bridge = openBridge({ stores: stores(), windowShard: () => own.cacheInMain('own') });
    const value = createPattern(2 * MIB);
    await bridge.diskCache.window.writeStream('film', new Blob([value as Uint8Array<ArrayBuffer>]).stream());
    expect(equalBytes(await bridge.diskCache.window.get('film'), value)).toBe(true);
    expect(equalBytes(await readAll(await bridge.diskCache.window.openReadStream('film')), value)).toBe(true);
  });

  it('is closed in the main process when it is cancelled', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.set('film', createPattern(4 * MIB));
    const stream = (await store.openReadStream('film'))!;
    const reader = stream.getReader();
    await reader.read();
    expect(bridge.sessions[0]!.streams).toBe(1);
    await reader.cancel();
    expect(bridge.sessions[0]!.streams).toBe(0);
  });

  it('is released when it is garbage-collected half-read or unread', { timeout: 20_000 }, async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.set('film', createPattern(4 * MIB));
    const forget = async (reads: number) => {
      const reader = (await store.openReadStream('film'))!.getReader();
      for (let n = 0; n < reads; n++) await reader.read();
    };
    for (const reads of [0, 1, 2, 3]) await forget(reads);
    const kept = (await store.openReadStream('film'))!;
    await vi.waitFor(
      () => {
        collectGarbage();
        expect(bridge.sessions[0]!.streams).toBe(1);
      },
      { timeout: 15_000, interval: 100 },
    );
    expect(equalBytes(await readAll(kept), createPattern(4 * MIB))).toBe(true);
  });

  it('is read on although the item was replaced, as it was', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    const value = createPattern(4 * MIB);
    await store.set('film', value);
    const stream = await store.openReadStream('film');
    await store.set('film', createPattern(3 * MIB, 5));
    expect(equalBytes(await readAll(stream), value)).toBe(true);
  });

  it('stores nothing when it breaks off, and says why', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    async function* broken() {
      yield createPattern(MIB);
      throw new RangeError('the source broke');
    }
    await expect(store.writeStream('film', broken())).rejects.toThrow(new RangeError('the source broke'));
    await expect(store.writeStream('film', [createPattern(MIB)] as never)).rejects.toEqual(errorMatching('BAD_VALUE'));
    await expect(store.writeStream('film', new Response('x').body as never)).resolves.toBeUndefined();
    async function* wrong() {
      yield 'text' as never;
    }
    await expect(store.writeStream('other', wrong())).rejects.toEqual(errorMatching('BAD_VALUE'));
    expect(await store.keys()).toEqual(['film']);
    expect(bridge.sessions[0]!.streams).toBe(0);
    expect(bridge.cacheInMain('api').check()).toEqual([]);
  });

  it('ends with its session, on both sides', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.set('film', createPattern(4 * MIB));
    const reader = (await store.openReadStream('film'))!.getReader();
    let send: () => void = () => {};
    const until = new Promise<void>((resolve) => {
      send = resolve;
    });
    async function* slow() {
      yield createPattern(MAX_CHUNK_BYTES);
      await until;
      yield createPattern(MAX_CHUNK_BYTES);
    }
    const writing = store.writeStream('other', slow());
    writing.catch(() => {});
    await vi.waitFor(() => expect(bridge.sessions[0]!.streams).toBe(2));
    bridge.diskCache.disconnect();
    send();
    await expect(writing).rejects.toEqual(errorMatching('DISCONNECTED'));
    await expect(
      (async () => {
        while (!(await reader.read()).done);
      })(),
    ).rejects.toEqual(errorMatching('DISCONNECTED'));
    expect(bridge.sessions, 'it doesn’t reconnect').toHaveLength(1);
    await vi.waitFor(() => expect(bridge.sessions[0]!.streams).toBe(0));
    await vi.waitFor(() => expect(bridge.cacheInMain('api').check()).toEqual([]));
    expect(await store.has('other')).toBe(false);
  });

  it('fails at once when the page disconnects, also without a reader and with a silent source', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.set('film', createPattern(2 * MIB));
    const reading = (await store.openReadStream('film'))!.getReader();
    const writing = store.writeStream('other', new ReadableStream());
    await vi.waitFor(() => expect(bridge.sessions[0]!.streams).toBe(2));
    bridge.diskCache.disconnect();
    await expect(writing).rejects.toEqual(errorMatching('DISCONNECTED'));
    await expect(reading.closed).rejects.toEqual(errorMatching('DISCONNECTED'));
    expect(bridge.sessions, 'it doesn’t reconnect').toHaveLength(1);
  });

  it('rejects what waits behind it when the page disconnects', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.has('connected');
    const calls = [
      store.set('k', createPattern(8 * MIB)),
      store.get('k'),
      store.set('k', createPattern(2 * MIB)),
      store.size,
    ];
    await new Promise((resolve) => setTimeout(resolve, 5));
    bridge.diskCache.disconnect();
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toEqual({ status: 'rejected', reason: errorMatching('DISCONNECTED') });
    }
  });

  it('needs the grant, and counts against its bytes', async () => {
    const grant = { stores: { api: 'write', facts: 'read' }, bytes: 3 * MIB } as const;
    using bridge = openBridge({ stores: stores(), grant });
    const store = bridge.diskCache.cache('api');
    await store.set('fits', createPattern(2 * MIB));
    await expect(store.set('too much', createPattern(2 * MIB))).rejects.toEqual(errorMatching('TOO_LARGE'));
    await expect(bridge.diskCache.cache('facts').writeStream('k', new Blob().stream())).rejects.toEqual(
      errorMatching('NOT_ALLOWED'),
    );
    await expect(bridge.diskCache.cache('spread').openReadStream('k')).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    expect(await store.keys()).toEqual(['fits']);
    expect(bridge.sessions[0]!.streams).toBe(0);
  });

  it('is limited to 64 at a time', async () => {
    using bridge = openBridge({ stores: stores() });
    const store = bridge.diskCache.cache('api');
    await store.set('film', createPattern(2 * MIB));
    const streams = await Promise.all(Array.from({ length: 64 }, () => store.openReadStream('film')));
    await expect(store.openReadStream('film')).rejects.toEqual(errorMatching('BUSY'));
    await streams[0]!.cancel();
    expect(await store.openReadStream('film')).toBeDefined();
  });
});

describe('steps of a stream that a hostile page sends', () => {
  const value = createPattern(3 * MIB);

  it('reach no stream of another session', async () => {
    using bridge = openBridge({ stores: stores() });
    bridge.cacheInMain('api').set('film', value);
    const own = bridge.anotherClient();
    const other = bridge.anotherClient();
    const opened = (await own.streamStep(own.signal, 'api', 'openStream', 'film'))!;
    const upload = (await own.streamStep(own.signal, 'api', 'openUpload', 'k'))!;
    await expect(other.streamStep(other.signal, 'api', 'nextChunk', opened.stream)).rejects.toEqual(
      errorMatching('DISCONNECTED'),
    );
    await expect(other.streamStep(other.signal, 'api', 'sendChunk', upload, value.slice(0, 9))).rejects.toEqual(
      errorMatching('DISCONNECTED'),
    );
    await expect(other.streamStep(other.signal, 'api', 'endUpload', upload)).rejects.toEqual(
      errorMatching('DISCONNECTED'),
    );
    await other.streamStep(other.signal, 'api', 'leaveStream', opened.stream);
    expect(
      equalBytes(await own.streamStep(own.signal, 'api', 'nextChunk', opened.stream), value.slice(0, MAX_CHUNK_BYTES)),
    ).toBe(true);
  });

  it('may have few chunks in flight', async () => {
    using bridge = openBridge({ stores: stores() });
    bridge.cacheInMain('api').set('film', value);
    const page = bridge.anotherClient();
    const { stream } = (await page.streamStep(page.signal, 'api', 'openStream', 'film'))!;
    const pulls = await Promise.allSettled(
      Array.from({ length: 12 }, () => page.streamStep(page.signal, 'api', 'nextChunk', stream)),
    );
    expect(pulls.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
    for (const pull of pulls) {
      if (pull.status === 'rejected') expect(['BUSY', 'DISCONNECTED']).toContain(pull.reason.code);
    }
    const upload = (await page.streamStep(page.signal, 'api', 'openUpload', 'k'))!;
    const pushes = await Promise.allSettled(
      Array.from({ length: 40 }, () =>
        page.streamStep(page.signal, 'api', 'sendChunk', upload, value.slice(0, MAX_CHUNK_BYTES)),
      ),
    );
    expect(pushes.some(({ status }) => status === 'rejected')).toBe(true);
    expect(bridge.sessions.at(-1)!.streams).toBe(0);
    expect(bridge.cacheInMain('api').has('k')).toBe(false);
  });

  it('send chunks of bytes, of a size', async () => {
    using bridge = openBridge({ stores: stores() });
    const page = bridge.anotherClient();
    for (const chunk of [value.slice(0, MAX_CHUNK_BYTES + 1), 'text', { length: 3 }, undefined]) {
      const upload = (await page.streamStep(page.signal, 'api', 'openUpload', 'k'))!;
      await expect(page.streamStep(page.signal, 'api', 'sendChunk', upload, chunk as Uint8Array)).rejects.toEqual(
        errorMatching('BAD_VALUE'),
      );
      await expect(page.streamStep(page.signal, 'api', 'endUpload', upload)).rejects.toEqual(
        errorMatching('DISCONNECTED'),
      );
    }
    expect(bridge.cacheInMain('api').check()).toEqual([]);
    expect(bridge.cacheInMain('api').has('k')).toBe(false);
  });
});

describe('the near cache of a page', () => {
  it('is invalidated before a large write resolves', async () => {
    using bridge = openBridge({ stores: stores() });
    const [writer, reader] = [bridge.diskCache.cache('api'), bridge.anotherPage()];
    reader.nearCache('api');
    await writer.set('k', 'old');
    const read = () => reader.cache('api').get('k');
    await vi.waitFor(() => read().then(read), { timeout: 10_000 });
    await writer.set('k', createPattern(2 * MIB));
    expect(await read()).toBeInstanceOf(Uint8Array);
  });
});
