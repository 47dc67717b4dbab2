import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { freshDirectory } from './directory.ts';

const open = (options: CacheOptions = {}) => new Cache<string, unknown>(freshDirectory(), options);
const failure = (code: string) => expect.objectContaining({ code });

const CHUNK = Uint8Array.from({ length: 70_000 }, (_, n) => n % 251);

async function* chunks(count: number, fail = false): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n++) yield CHUNK.map((byte) => byte ^ n);
  if (fail) throw new Error('the network went away');
}

async function bytesOf(stream: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream ?? []) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

const whole = (count: number) => bytesOf(chunks(count));

function files(cache: Cache<string, unknown>): string[] {
  return readdirSync(cache.directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.val'));
}

describe('writeStream', () => {
  it('stores the whole as bytes, and what get gives openReadStream gives', async () => {
    using cache = open();
    await cache.writeStream('k', chunks(5), { tag: 't' });
    expect(cache.get('k')).toEqual(await whole(5));
    expect(cache.getEntry('k')).toMatchObject({ bytes: 350_000, tag: 't' });
    expect(await bytesOf(cache.openReadStream('k'))).toEqual(await whole(5));
    await cache.writeStream('empty', chunks(0));
    expect(cache.get('empty')).toEqual(new Uint8Array());
    expect(await bytesOf(cache.openReadStream('empty'))).toEqual(new Uint8Array());
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
    const writing = cache.writeStream(
      'k',
      (async function* () {
        yield CHUNK;
        await gate;
        yield CHUNK;
      })(),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
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
    expect(await bytesOf(cache.openReadStream('short'))).toEqual(Uint8Array.of(1, 2, 3));
    expect(Buffer.from(await bytesOf(cache.openReadStream('text'))).toString()).toBe('héllo');
    expect(Buffer.from(await bytesOf(cache.openReadStream('long text'))).toString()).toBe('é'.repeat(50_000));
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
    const rest = await bytesOf(stream);
    expect(rest).toEqual((await whole(5)).subarray(350_000 - rest.length));
  });

  it('can be given up', async () => {
    using cache = open();
    await cache.writeStream('k', chunks(5));
    await cache.openReadStream('k')?.cancel();
    expect(cache.delete('k')).toBe(true);
    expect(files(cache)).toEqual([]);
  });
});
