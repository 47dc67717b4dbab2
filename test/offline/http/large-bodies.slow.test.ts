import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openHttpCache, URL_A } from './http-cache-fixture.ts';

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 16 * 1024; // 1 GiB
const BODY_BYTES = CHUNKS * CHUNK_BYTES;
const MAX_GROWTH_BYTES = 100 * 1024 * 1024;

/** A body that is generated as it is read. */
function createBody(): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await setImmediate();
      if (sent === CHUNKS) return controller.close();
      controller.enqueue(new Uint8Array(CHUNK_BYTES).fill(sent++ % 251));
    },
  });
}

/** Reads to the end and compares; returns the number of bytes and the peak memory of the process. */
async function readBody(body: ReadableStream<Uint8Array>): Promise<{ readonly bytes: number; readonly peak: number }> {
  let bytes = 0;
  let peak = 0;
  for await (const chunk of body) {
    if (chunk[0] !== Math.floor(bytes / CHUNK_BYTES) % 251) throw new Error(`another byte than was sent at ${bytes}`);
    bytes += chunk.length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  return { bytes, peak };
}

it('streams 1 GiB to and from the disk without holding it in memory', async () => {
  using setup = openHttpCache(() => new Response(createBody(), { headers: { 'cache-control': 'max-age=60' } }), {
    store: { sizeLimit: 2 * BODY_BYTES },
  });
  for (const provenance of ['miss', 'hit']) {
    const response = await setup.http.fetch(URL_A);
    const before = process.memoryUsage.rss();
    const { bytes, peak } = await readBody(response.body!);
    expect(bytes).toBe(BODY_BYTES);
    console.log(
      `${provenance}: ${Math.round((peak - before) / 2 ** 20)} MiB more for ${Math.round(bytes / 2 ** 20)} MiB`,
    );
    expect(peak - before).toBeLessThan(MAX_GROWTH_BYTES);
  }
  expect(setup.originRequests.length).toBe(1);
});
