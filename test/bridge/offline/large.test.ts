import { expect, it } from 'vitest';
import { collect, inMemory } from '../../garbage.ts';
import { openOfflinePage } from './over-an-offline-port.ts';

const MB = 2 ** 20;
const SIZE = 200 * MB;
const CHUNK = 64 * 1024;

/** 200 MB that say where they are, made as they are read. */
function numbered(): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (at === SIZE) return controller.close();
        const chunk = new Uint8Array(CHUNK);
        new DataView(chunk.buffer).setUint32(0, at);
        at += CHUNK;
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Reads what `numbered` wrote; how many bytes there were. */
async function readNumbered(body: ReadableStream<Uint8Array> | null, look: () => void): Promise<number> {
  let at = 0;
  for await (const chunk of body!) {
    for (let part = (CHUNK - (at % CHUNK)) % CHUNK; part + 4 <= chunk.length; part += CHUNK) {
      expect(new DataView(chunk.buffer, chunk.byteOffset + part).getUint32(0)).toBe(at + part);
    }
    at += chunk.length;
    if (at % (10 * MB) < chunk.length) look();
  }
  return at;
}

it('200 MB go through a page’s fetch and a put, there and back, with flat memory', { timeout: 120_000 }, async () => {
  let uploaded = 0;
  using page = openOfflinePage({
    fetch: async (request) => {
      if (request.method === 'POST') uploaded = await readNumbered(request.body, look);
      return new Response(numbered(), { headers: { 'cache-control': 'max-age=60' } });
    },
  });
  const inUse = () => {
    for (let n = 0; n < 2; n++) collect();
    return inMemory();
  };
  const cache = await page.diskCache.caches.open('v1');
  const before = inUse();
  let most = Number.NaN;
  function look(): void {
    const more = inUse() - before;
    most = Number.isNaN(most) ? more : Math.max(most, more);
  }
  const url = 'https://a.example/large';
  expect(await readNumbered((await page.diskCache.fetch(url)).body, look)).toBe(SIZE);
  expect(await readNumbered((await page.diskCache.fetch(url)).body, look)).toBe(SIZE);
  await page.diskCache.fetch(url, { method: 'POST', body: numbered() });
  expect(uploaded).toBe(SIZE);
  await cache.put(url, new Response(numbered()));
  expect(await readNumbered((await cache.match(url))!.body, look)).toBe(SIZE);
  // Both ends are in this process: some chunks on their way, and those of the disk.
  expect(most).toBeLessThan(16 * MB);
});
