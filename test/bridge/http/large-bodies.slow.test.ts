import { expect, it } from 'vitest';
import { collectGarbage, getMemoryBytes } from '../../gc.ts';
import { openHttpPage } from './http-port-fixture.ts';

const MIB = 2 ** 20;
const BODY_BYTES = 200 * MIB;
const CHUNK_BYTES = 64 * 1024;

/** 200 MB that say where they are, made as they are read. */
function createNumberedBody(): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (at === BODY_BYTES) return controller.close();
        const chunk = new Uint8Array(CHUNK_BYTES);
        new DataView(chunk.buffer).setUint32(0, at);
        at += CHUNK_BYTES;
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Reads what `numbered` wrote; how many bytes there were. */
async function verifyNumberedBody(body: ReadableStream<Uint8Array> | null, look: () => void): Promise<number> {
  let at = 0;
  for await (const chunk of body!) {
    for (let part = (CHUNK_BYTES - (at % CHUNK_BYTES)) % CHUNK_BYTES; part + 4 <= chunk.length; part += CHUNK_BYTES) {
      expect(new DataView(chunk.buffer, chunk.byteOffset + part).getUint32(0)).toBe(at + part);
    }
    at += chunk.length;
    if (at % (10 * MIB) < chunk.length) look();
  }
  return at;
}

it('200 MB go through a page’s fetch and a put, there and back, with flat memory', { timeout: 120_000 }, async () => {
  let uploaded = 0;
  using page = openHttpPage({
    fetch: async (request) => {
      if (request.method === 'POST') uploaded = await verifyNumberedBody(request.body, look);
      return new Response(createNumberedBody(), { headers: { 'cache-control': 'max-age=60' } });
    },
  });
  const inUse = () => {
    for (let n = 0; n < 2; n++) collectGarbage();
    return getMemoryBytes();
  };
  const cache = await page.diskCache.caches.open('v1');
  const before = inUse();
  let most = Number.NaN;
  function look(): void {
    const more = inUse() - before;
    most = Number.isNaN(most) ? more : Math.max(most, more);
  }
  const url = 'https://a.example/large';
  expect(await verifyNumberedBody((await page.diskCache.fetch(url)).body, look)).toBe(BODY_BYTES);
  expect(await verifyNumberedBody((await page.diskCache.fetch(url)).body, look)).toBe(BODY_BYTES);
  await page.diskCache.fetch(url, { method: 'POST', body: createNumberedBody() });
  expect(uploaded).toBe(BODY_BYTES);
  await cache.put(url, new Response(createNumberedBody()));
  expect(await verifyNumberedBody((await cache.match(url))!.body, look)).toBe(BODY_BYTES);
  // Both ends are in this process: some chunks on their way, and those of the disk.
  expect(most).toBeLessThan(16 * MIB);
});
