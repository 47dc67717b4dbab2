import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { writeBody } from '../../main/offline/bodies.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

async function* createBody(bytes: number) {
  for (let left = bytes; left > 0; left -= 10_000) yield new Uint8Array(Math.min(left, 10_000)).fill(7);
}

it.each([100, 500_000])('a body of %i bytes that can not be named leaves nothing behind', async (bytes) => {
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
