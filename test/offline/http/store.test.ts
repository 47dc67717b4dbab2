import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../../main/engine/index.ts';
import { writeBody } from '../../../main/offline/bodies.ts';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { freshDirectory } from '../../engine/fresh-directory.ts';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

const SECOND_MS = 1000;

describe('the store', () => {
  it('treats a response whose body was evicted as not stored', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    await fetchText(setup);
    for (const key of [...setup.cache.keys({ prefix: ['http-body'] })]) setup.cache.delete(key);
    expect(await setup.http.match(URL_A)).toBeUndefined();
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
    expect(await fetchText(setup)).toEqual(['2', 'hit']);
  });

  it('treats a response whose body is damaged as not stored', async () => {
    using setup = openHttpCache(
      (_, count) => new Response(String(count).padEnd(100_000), { headers: { 'cache-control': 'max-age=60' } }),
    );
    await fetchText(setup);
    const files = readdirSync(setup.cache.directory, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((it) => it.endsWith('.val'))) rmSync(join(setup.cache.directory, file));
    const [body, provenance] = await fetchText(setup);
    expect([body.trimEnd(), provenance]).toEqual(['2', 'miss']);
  });

  it('deletes a response whose body turns out to be damaged at its end', async () => {
    using setup = openHttpCache((_, count) => {
      const body = new Uint8Array(300_000).fill(count);
      return new Response(body, { headers: { 'cache-control': 'max-age=60' } });
    });
    await fetchText(setup);
    const [file = ''] = readdirSync(setup.cache.directory, { recursive: true, encoding: 'utf8' }).filter((it) =>
      it.endsWith('.val'),
    );
    const bytes = readFileSync(join(setup.cache.directory, file));
    bytes[250_000] = 99;
    writeFileSync(join(setup.cache.directory, file), bytes);
    await expect(fetchText(setup)).rejects.toEqual(expect.objectContaining({ code: 'CORRUPT' }));
    const healed = await setup.http.fetch(URL_A);
    expect([getCacheStatus(healed), new Uint8Array(await healed.arrayBuffer())[250_000]]).toEqual(['miss', 2]);
  });

  it('may fail: the request goes on without it', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=10', etag: '"a"' }));
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    setup.cache.close();
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
    expect((await setup.http.fetch(URL_A, { method: 'DELETE' })).status).toBe(200);
    expect(setup.failures.length).toBeGreaterThan(1);
    expect(setup.failures).toEqual(setup.failures.map(() => expect.objectContaining({ code: 'CLOSED' })));
    await expect(setup.http.match(URL_A)).rejects.toEqual(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('leaves no body without a head, which was evicted', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    await fetchText(setup);
    for (const key of [...setup.cache.keys({ prefix: ['http', ''] })]) setup.cache.delete(key);
    await fetchText(setup);
    expect(setup.cache.size).toBe(2);
    expect([setup.http.delete(URL_A), setup.http.delete(URL_A), setup.cache.size]).toEqual([true, false, 0]);
  });

  it('forwards a body that is too large to store, and reports it', async () => {
    const large = new Uint8Array(3 * 1024 * 1024).fill(7);
    using setup = openHttpCache(() => new Response(large, { headers: { 'cache-control': 'max-age=60' } }), {
      store: { sizeLimit: 2 * 1024 * 1024 },
    });
    const response = await setup.http.fetch(URL_A);
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), large)).toBe(0);
    expect(setup.failures).toEqual([expect.objectContaining({ code: 'TOO_LARGE' })]);
    expect(setup.cache.size).toBe(0);
  });

  it('stores no part of a body that fails', async () => {
    using setup = openHttpCache(() => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(100_000)),
        pull: (controller) => controller.error(new TypeError('terminated')),
      });
      return new Response(body, { headers: { 'cache-control': 'max-age=60' } });
    });
    await expect(fetchText(setup)).rejects.toThrow('terminated');
    expect([setup.cache.size, setup.failures]).toEqual([0, []]);
  });

  it('keeps its responses across a restart', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    await fetchText(setup);
    expect(await (await setup.openAnother({}).fetch(URL_A)).text()).toBe('1');
  });

  it('does not store a response to which fetch was redirected', async () => {
    using setup = openHttpCache((_, count) =>
      Object.defineProperty(new Response(String(count), { headers: { 'cache-control': 'max-age=60' } }), 'redirected', {
        value: true,
      }),
    );
    expect([await fetchText(setup), await fetchText(setup)]).toEqual([
      ['1', 'miss'],
      ['2', 'miss'],
    ]);
  });
});

async function* createBody(bytes: number) {
  for (let left = bytes; left > 0; left -= 10_000) yield new Uint8Array(Math.min(left, 10_000)).fill(7);
}

it.each([100, 500_000])('a body of %i bytes whose transaction fails leaves nothing behind', async (bytes) => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const refused = new Error('on purpose');
  const written = writeBody(cache, 'body', createBody(bytes), () => {
    throw refused;
  });
  await expect(written).rejects.toBe(refused);
  expect([cache.size, cache.check()]).toEqual([0, []]);
  await writeBody(cache, 'body', createBody(bytes), () => cache.set('name', 1));
  expect([cache.get('body'), cache.get('name')]).toEqual([new Uint8Array(bytes).fill(7), 1]);
});
