import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const open = (options: CacheOptions = {}) => new Cache<string, unknown>(freshDirectory(), options);
const failure = (code: string) => expect.objectContaining({ code });

const CHUNK = Uint8Array.from({ length: 70_000 }, (_, n) => n % 251);

async function* chunks(count: number, fail = false): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n++) yield CHUNK.map((byte) => byte ^ n);
  if (fail) throw new Error('the network went away');
}

async function readAll(stream: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream ?? []) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

const readAllChunks = (count: number) => readAll(chunks(count));

function files(cache: Cache<string, unknown>): string[] {
  return readdirSync(cache.directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.val'));
}

describe('writeStream', () => {
  it('stores the whole as bytes, and what get gives openReadStream gives', async () => {
    using cache = open();
    await cache.writeStream('k', chunks(5), { tag: 't' });
    expect(cache.get('k')).toEqual(await readAllChunks(5));
    expect(cache.getEntry('k')).toMatchObject({ bytes: 350_000, tag: 't' });
    expect(await readAll(cache.openReadStream('k'))).toEqual(await readAllChunks(5));
    await cache.writeStream('empty', chunks(0));
    expect(cache.get('empty')).toEqual(new Uint8Array());
    expect(await readAll(cache.openReadStream('empty'))).toEqual(new Uint8Array());
    expect(cache.check()).toEqual([]);
  });

  it('takes a web stream', async () => {
    using cache = open();
    await cache.writeStream('k', new Response('héllo').body as ReadableStream<Uint8Array>);
    expect(Buffer.from(cache.get('k') as Uint8Array).toString()).toBe('héllo');
  });

  it('shows nothing before its end, and leaves what was there', async () => {
    using cache = open();
    cache.set('k', 'before');
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let halfWay = () => {};
    const isHalfWay = new Promise<void>((resolve) => {
      halfWay = resolve;
    });
    const writing = cache.writeStream(
      'k',
      (async function* () {
        yield CHUNK;
        // The first one was taken: another is asked for.
        halfWay();
        await gate;
        yield CHUNK;
      })(),
    );
    await isHalfWay;
    expect(cache.get('k')).toBe('before');
    go();
    await writing;
    expect((cache.get('k') as Uint8Array).length).toBe(140_000);
  });

  it('leaves nothing of a stream that fails', async () => {
    using cache = open({ sizeLimit: 1024 * 1024 });
    cache.set('k', 'before');
    await expect(cache.writeStream('k', chunks(3, true))).rejects.toThrow('the network went away');
    await expect(cache.writeStream('k', chunks(30))).rejects.toEqual(failure('TOO_LARGE'));
    const texts = (async function* () {
      yield 'text' as unknown as Uint8Array;
    })();
    await expect(cache.writeStream('k', texts)).rejects.toEqual(failure('BAD_VALUE'));
    await expect(cache.writeStream('k', 'text' as unknown as AsyncIterable<Uint8Array>)).rejects.toEqual(
      failure('BAD_VALUE'),
    );
    await expect(cache.writeStream('k', chunks(1), { ttl: Number.NaN })).rejects.toEqual(failure('BAD_OPTION'));
    expect(cache.get('k')).toBe('before');
    expect(files(cache)).toEqual([]);
  });

  it('leaves nothing when the store is closed meanwhile', async () => {
    const cache = open();
    const writing = cache.writeStream('k', chunks(3));
    cache.close();
    await expect(writing).rejects.toEqual(failure('CLOSED'));
    expect(files(cache)).toEqual([]);
  });
});

describe('openReadStream', () => {
  it('reads bytes and text wherever they are', async () => {
    using cache = open();
    cache.set('short', Uint8Array.of(1, 2, 3));
    cache.set('text', 'héllo');
    cache.set('long text', 'é'.repeat(50_000));
    expect(await readAll(cache.openReadStream('short'))).toEqual(Uint8Array.of(1, 2, 3));
    expect(Buffer.from(await readAll(cache.openReadStream('text'))).toString()).toBe('héllo');
    expect(Buffer.from(await readAll(cache.openReadStream('long text'))).toString()).toBe('é'.repeat(50_000));
    expect(cache.openReadStream('none')).toBeUndefined();
    cache.set('object', { a: 1 });
    expect(() => cache.openReadStream('object')).toThrow(failure('BAD_VALUE'));
    cache.set('gone', 'x', { ttl: 0 });
    expect(cache.openReadStream('gone')).toBeUndefined();
  });

  it('goes on reading what was there when it was opened', async () => {
    using cache = open();
    await cache.writeStream('k', chunks(5));
    const stream = cache.openReadStream('k')!;
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    cache.delete('k');
    const rest = await readAll(stream);
    expect(rest).toEqual((await readAllChunks(5)).subarray(350_000 - rest.length));
  });

  it('can be given up', async () => {
    using cache = open({ durability: 'power' });
    await cache.writeStream('k', chunks(5));
    await cache.openReadStream('k')?.cancel();
    expect(cache.delete('k')).toBe(true);
    expect(files(cache)).toEqual([]);
  });
});

describe('a part of a value', () => {
  const TEXT = 'é'.repeat(300_000);
  const UTF8 = new Uint8Array(Buffer.from(TEXT));
  const BYTES = Uint8Array.from({ length: 600_000 }, (_, n) => n % 253);

  it.each([
    ['bytes in the row', { fileThreshold: 1_000_000 }, BYTES, BYTES],
    ['bytes in a file', {}, BYTES, BYTES],
    ['text in a file', {}, TEXT, UTF8],
    ['compressed bytes', { compression: 'zstd' }, BYTES, BYTES],
  ] as const)('is that part, of %s', async (_what, options, value, bytes) => {
    using cache = open(options);
    cache.set('k', value);
    const { length } = bytes;
    for (const [start, end] of [
      [0, length],
      [0, 1],
      [length - 1, length],
      [262_143, 262_145],
      [70_000, 599_999],
      [5, 5],
      [10, length + 10],
      [length + 1, length + 2],
    ] as const) {
      expect(await readAll(cache.openReadStream('k', { start, end })), `${start} to ${end}`).toEqual(
        bytes.slice(start, end),
      );
    }
    expect(await readAll(cache.openReadStream('k', { start: length - 3 }))).toEqual(bytes.slice(-3));
  });

  it('goes from a whole number to another that is not smaller', () => {
    using cache = open();
    cache.set('k', BYTES);
    for (const range of [{ start: -1 }, { end: 1.5 }, { start: 2, end: 1 }, { from: 1 }, { end: Number.NaN }]) {
      expect(() => cache.openReadStream('k', range as object)).toThrow(failure('BAD_OPTION'));
    }
  });
});

describe('openBytes', () => {
  it('knows size and kind without reading the value', async () => {
    let now = 1_000_000;
    using cache = open({ clock: () => now });
    await cache.writeStream('k', chunks(3));
    cache.set('text', 'é'.repeat(50_000));
    const values = join(cache.directory, 'values');
    for (const bucket of readdirSync(values)) rmSync(join(values, bucket), { recursive: true });
    expect(cache.openBytes('k')).toMatchObject({ size: 210_000, isText: false, storedAt: 1_000_000 });
    expect(cache.openBytes('text')).toMatchObject({ size: 100_000, isText: true });
    await expect(readAll(cache.openBytes('k')?.stream({ end: 5 }))).rejects.toEqual(failure('CORRUPT'));
    cache.set('object', { a: 1 });
    expect(() => cache.openBytes('object')).toThrow(failure('BAD_VALUE'));
    cache.set('late', 'x', { ttl: 10 });
    now += 10;
    expect(cache.openBytes('late')).toBeUndefined();
  });

  it('has another version after every set, and the same until then', async () => {
    using cache = open({ evictionPolicy: 'least-recently-used' });
    cache.set('k', 'same');
    const { version } = cache.openBytes('k')!;
    cache.get('k');
    cache.touch('k', { ttl: 1000 });
    expect(cache.openBytes('k')?.version).toBe(version);
    const versions = new Set([version]);
    for (let n = 0; n < 50; n++) {
      cache.set('k', 'same');
      versions.add(cache.openBytes('k')!.version);
    }
    expect(versions.size).toBe(51);
  });

  it('never gives the bytes of another version: what was removed before it was read fails', async () => {
    using cache = open({ durability: 'power' });
    await cache.writeStream('k', chunks(3));
    const before = cache.openBytes('k')!;
    await cache.writeStream('k', chunks(2));
    await expect(readAll(before.stream())).rejects.toEqual(failure('CORRUPT'));
    expect(await readAll(cache.openBytes('k')?.stream())).toEqual(await readAllChunks(2));
  });

  it('is a read: it keeps an item under least-recently-used, and counts', async () => {
    using cache = open({ evictionPolicy: 'least-recently-used', statistics: true });
    cache.set('k', 'x');
    cache.openBytes('k');
    cache.openReadStream('k');
    cache.openBytes('none');
    expect(cache.getEntry('k')?.hits).toBe(2);
    expect(cache.stats()).toEqual({ hits: 2, misses: 1 });
  });
});
