import { expect, it } from 'vitest';
import { Uploads } from '../../main/assets/uploads.ts';

const first = { upload: '', part: 0, bytes: 1, step: 'more' } as const;
const BYTE = Uint8Array.of(1);

/** A store that takes one part, and then none until it is told to. */
function slowStore() {
  const taken: number[] = [];
  let failed: unknown;
  let go = (): void => undefined;
  const write = async (chunks: AsyncIterable<Uint8Array>) => {
    try {
      for await (const chunk of chunks) {
        taken.push(chunk.length);
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      }
    } catch (error) {
      failed = error;
      throw error;
    }
  };
  return { taken, write, failure: () => failed, go: () => go() };
}

it('answers a part when the store takes it, so that a fast page waits for a slow disk', async () => {
  const uploads = new Uploads();
  const store = slowStore();
  await uploads.receive('a', first, [BYTE], store.write);
  let answered = false;
  const second = uploads.receive('a', { ...first, part: 1 }, [BYTE], store.write).then(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([store.taken, answered]).toEqual([[1], false]);
  store.go();
  await second;
  expect(store.taken).toEqual([1, 1]);
  uploads.close();
});

it('gives up a stream whose page was left', async () => {
  const uploads = new Uploads(40);
  const store = slowStore();
  await uploads.receive('a', first, [BYTE], store.write);
  store.go();
  await expect.poll(store.failure).toMatchObject({ code: 'TIMEOUT' });
  expect(uploads.size).toBe(0);
  await expect(uploads.receive('a', { ...first, part: 1 }, [BYTE], store.write)).rejects.toMatchObject({
    code: 'TIMEOUT',
  });
});

it('takes a bounded number of streams at the same time', async () => {
  const uploads = new Uploads();
  const { write } = slowStore();
  for (let n = 0; n < 64; n++) await uploads.receive(String(n), first, [BYTE], write);
  await expect(uploads.receive('64', first, [BYTE], write)).rejects.toMatchObject({ code: 'BUSY' });
  uploads.close();
  expect(uploads.size).toBe(0);
});

it('refuses a part that comes while another is being taken', async () => {
  const uploads = new Uploads();
  const store = slowStore();
  const taken = uploads.receive('a', { ...first, bytes: 2 }, [BYTE, BYTE], store.write);
  const early = uploads.receive('a', { ...first, part: 1 }, [BYTE], store.write);
  await expect(early).rejects.toMatchObject({ code: 'BAD_VALUE' });
  store.go();
  await expect(taken).rejects.toMatchObject({ code: 'BAD_VALUE' });
  expect(uploads.size).toBe(0);
});
