import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inFrontOf, URL_A } from '../origin.ts';

const CHUNK = 64 * 1024;
const CHUNKS = 16 * 1024; // 1 GiB
const SIZE = CHUNKS * CHUNK;
const MOST_GROWTH = 100 * 1024 * 1024;

/** A body that is made as it is read. */
function made(): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await setImmediate();
      if (sent === CHUNKS) return controller.close();
      controller.enqueue(new Uint8Array(CHUNK).fill(sent++ % 251));
    },
  });
}

/** Reads to the end, comparing; answers how many bytes there were and the most memory the process had meanwhile. */
async function read(body: ReadableStream<Uint8Array>): Promise<{ readonly bytes: number; readonly peak: number }> {
  let bytes = 0;
  let peak = 0;
  for await (const chunk of body) {
    if (chunk[0] !== Math.floor(bytes / CHUNK) % 251) throw new Error(`another byte than was sent at ${bytes}`);
    bytes += chunk.length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  return { bytes, peak };
}

it('streams 1 GiB to the disk and from it without holding it', async () => {
  using setup = inFrontOf(() => new Response(made(), { headers: { 'cache-control': 'max-age=60' } }), {
    store: { sizeLimit: 2 * SIZE },
  });
  for (const provenance of ['miss', 'hit']) {
    const response = await setup.http.fetch(URL_A);
    const before = process.memoryUsage.rss();
    const { bytes, peak } = await read(response.body!);
    expect(bytes).toBe(SIZE);
    console.log(
      `${provenance}: ${Math.round((peak - before) / 2 ** 20)} MiB more for ${Math.round(bytes / 2 ** 20)} MiB`,
    );
    expect(peak - before).toBeLessThan(MOST_GROWTH);
  }
  expect(setup.asked.length).toBe(1);
});
