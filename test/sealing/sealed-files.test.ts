import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createBytes, errorWithCode, listFiles, openSealed, readStream, toChunks } from './sealed-fixture.ts';

describe('a sealed file', () => {
  const CHUNK = 65_536;

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])(
    'of %d bytes is read whole and in parts',
    async (length) => {
      using cache = openSealed(freshDirectory(), { fileThreshold: 0 });
      const bytes = createBytes(length);
      await cache.writeStream('stream', toChunks(bytes, 10_007));
      cache.set('whole', bytes);
      for (const key of ['stream', 'whole']) {
        expect(cache.get(key)).toEqual(bytes);
        expect(await readStream(cache.openReadStream(key))).toEqual(Buffer.from(bytes));
        const opened = cache.openBytes(key)!;
        expect([opened.size, opened.isText]).toEqual([length, false]);
        for (const start of [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK, length - 1, length, length + 10]) {
          for (const end of [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7, length, length + 1]) {
            if (start < 0 || end < start) continue;
            const part = Buffer.from(bytes.subarray(start, end));
            expect(await readStream(cache.openReadStream(key, { start, end }))).toEqual(part);
            expect(await readStream(opened.stream({ start, end }))).toEqual(part);
          }
        }
      }
      expect(cache.check()).toEqual([]);
      expect(cache.getEntry('whole')!.bytes).toBe(length);
    },
  );

  it('holds texts, and tells so', async () => {
    using cache = openSealed(freshDirectory(), { fileThreshold: 0 });
    cache.set('k', 'grüße');
    expect(cache.openBytes('k')).toMatchObject({ size: 7, isText: true });
    expect((await readStream(cache.openReadStream('k', { start: 2 }))).toString()).toBe('üße');
  });

  it('is not left behind by a stream that is refused', async () => {
    using cache = openSealed(freshDirectory());
    const broken = (async function* () {
      yield new Uint8Array(10);
      yield 'text' as never;
    })();
    await expect(cache.writeStream('k', broken)).rejects.toEqual(errorWithCode('BAD_VALUE', /not a Uint8Array/));
    expect(listFiles(join(cache.directory, 'values'))).toEqual([]);
  });
});
