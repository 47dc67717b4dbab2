import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { writeBody } from '../../main/offline/body.ts';
import { freshDirectory } from '../engine/directory.ts';

async function* chunks(bytes: number) {
  for (let left = bytes; left > 0; left -= 10_000) yield new Uint8Array(Math.min(left, 10_000)).fill(7);
}

it.each([100, 500_000])('a body of %i bytes that can not be named leaves nothing behind', async (bytes) => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const refused = new Error('on purpose');
  const written = writeBody(cache, 'body', chunks(bytes), () => {
    throw refused;
  });
  await expect(written).rejects.toBe(refused);
  expect([cache.size, cache.check()]).toEqual([0, []]);
  await writeBody(cache, 'body', chunks(bytes), () => cache.set('name', 1));
  expect([cache.get('body'), cache.get('name')]).toEqual([new Uint8Array(bytes).fill(7), 1]);
});
