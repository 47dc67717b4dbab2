import type { Page } from 'playwright-core';
import { openWindowFrom, startApp } from './disk-cache-page.ts';
import { expect, type Launch, test } from './fixture.ts';

const MIB = 2 ** 20;
/** Sent and read back. The long way once, the short one where machines are shared. */
const STREAMED_BYTES = (process.env['CI'] ? 64 : 200) * MIB;

const startAssets = (launch: Launch) => startApp(launch, 'assets');

/** What a `fetch` in the page came to. */
const fetchInPage = (page: Page, url: string, headers: Record<string, string> = {}) =>
  page.evaluate(
    async ([address, sent]) => {
      const answer = await fetch(address, { headers: sent });
      const { status } = answer;
      return { status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
    },
    [url, headers] as const,
  );

/** The width of an image, 0 if it did not load. */
const measureImageWidth = (page: Page, url: string) =>
  page.evaluate(
    (address) =>
      new Promise<number>((resolve) => {
        const image = new Image();
        image.onload = () => resolve(image.naturalWidth);
        image.onerror = () => resolve(0);
        image.src = address;
      }),
    url,
  );

test('an image is read from the disk, whatever its key', async ({ launch }) => {
  const { page } = await startAssets(launch);
  for (const key of [`'logo.svg'`, `'img/ü & ö?.svg'`, `['user', 42, 'logo.svg']`]) {
    const url = await page.evaluate<string>(`diskCache.url('assets', ${key})`);
    expect(await measureImageWidth(page, url), url).toBe(7);
  }
  expect(await measureImageWidth(page, 'deskcache://assets/none.svg')).toBe(0);
});

test('an image that the page already has is a 304', async ({ launch }) => {
  const { page } = await startAssets(launch);
  const first = await fetchInPage(page, 'deskcache://assets/logo.svg');
  expect(first).toMatchObject({ status: 200, headers: { 'content-type': 'image/svg+xml' } });
  const again = await fetchInPage(page, 'deskcache://assets/logo.svg', { 'if-none-match': first.headers['etag']! });
  expect(again).toMatchObject({ status: 304, text: '' });
});

test('a player can seek in a recording without reading all of it', async ({ launch }) => {
  const { page } = await startAssets(launch);
  const heard = await page.evaluate(async () => {
    const audio = new Audio('deskcache://assets/tone.wav');
    const event = (name: string) =>
      new Promise((resolve, reject) => {
        audio.addEventListener(name, resolve, { once: true });
        audio.addEventListener('error', () => reject(new Error(audio.error?.message)), { once: true });
      });
    await event('loadedmetadata');
    const { duration } = audio;
    audio.currentTime = 110;
    await event('seeked');
    const last = audio.buffered.length - 1;
    return { duration, seekable: audio.seekable.end(0), from: audio.buffered.start(last), at: audio.currentTime };
  });
  expect(heard).toMatchObject({ duration: 120, seekable: 120, at: 110 });
  expect(heard.from, 'the player went there, past what it had not read').toBeGreaterThan(60);
  const part = await fetchInPage(page, 'deskcache://assets/tone.wav', { range: 'bytes=8-11' });
  expect(part).toMatchObject({ status: 206, text: 'WAVE', headers: { 'content-range': 'bytes 8-11/21168044' } });
});

test('a store that is not served is 403, and so is everything for pages of another origin', async ({ launch }) => {
  const { app, page } = await startAssets(launch);
  const refused = { status: 403, text: expect.stringMatching(/^NOT_ALLOWED: /) };
  expect(await fetchInPage(page, 'deskcache://secret/word.txt')).toMatchObject(refused);
  const stranger = await openWindowFrom(app, page, 'stranger://page/');
  expect(await fetchInPage(stranger, 'deskcache://assets/logo.svg')).toMatchObject(refused);
  expect(await measureImageWidth(stranger, 'deskcache://assets/logo.svg')).toBe(0);
  const upload = (target: Page, store: string) =>
    target.evaluate<string>(
      `diskCache.cache('${store}').writeStream('k', new Blob(['x']).stream()).then(() => 'stored', (error) => error.code)`,
    );
  expect(await upload(page, 'uploads')).toBe('stored');
  expect(await upload(page, 'assets')).toBe('NOT_ALLOWED');
  expect(await upload(stranger, 'uploads')).toBe('NOT_ALLOWED');
});

test('a page has its images while another window of the session lies crashed', async ({ launch }) => {
  const { app, page } = await startAssets(launch);
  await openWindowFrom(app, page, 'app://assets/?doomed');
  const read = `Array.from({ length: 20 }, (_, n) => fetch('deskcache://assets/logo.svg?v=' + n).then(({ status }) => status))`;
  const statuses = await page.evaluate<number[]>(
    `Promise.all([...${read}, fetch('app://assets/crash').then(({ status }) => status)]).then(async (all) => [...all, ...(await Promise.all(${read}))])`,
  );
  expect([...new Set(statuses)]).toEqual([200]);
  expect(await measureImageWidth(page, 'deskcache://assets/logo.svg')).toBe(7);
});

test('a stored document is not a page of the application', async ({ launch }) => {
  const { page } = await startAssets(launch);
  await page.evaluate(`{
    const frame = document.createElement('iframe');
    frame.src = diskCache.url('assets', 'page.html');
    document.body.append(frame);
  }`);
  await expect.poll(() => page.frames()[1]?.title()).toBe('still');
  const origin = await page.frames()[1]!.evaluate('self.origin');
  expect(origin).toBe('null');
});

test('large values are transferred in chunks automatically, also to the window’s own shard', async ({ launch }) => {
  const { page } = await startAssets(launch);
  const back = await page.evaluate(async () => {
    interface Store {
      set(key: string, value: unknown): Promise<void>;
      get(key: string): Promise<unknown>;
    }
    const { diskCache } = globalThis as unknown as { diskCache: { cache(name: string): Store; window: Store } };
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, n) => n % 251);
    const same = (value: unknown) =>
      value instanceof Uint8Array && value.length === bytes.length && value.every((byte, n) => byte === bytes[n]);
    const found: boolean[] = [];
    for (const store of [diskCache.cache('uploads'), diskCache.window]) {
      void store.set('large', bytes);
      found.push(same(await store.get('large')));
    }
    return found;
  });
  expect(back).toEqual([true, true]);
});

test('streaming there and back keeps the main process’s memory flat', async ({ launch }) => {
  test.setTimeout(300_000);
  const { page } = await startAssets(launch);
  await page.evaluate(() => {
    /** The bytes of chunk number `n`, which no other chunk has. */
    const chunkOf = (n: number) => new Uint8Array(65_536).fill(n).fill(n >> 8, 0, 100);
    Object.assign(globalThis, {
      send: (disk: { writeStream(key: string, stream: ReadableStream): Promise<void> }, key: string, bytes: number) => {
        let n = 0;
        return disk.writeStream(
          key,
          new ReadableStream({
            pull(controller) {
              if (n * 65_536 >= bytes) controller.close();
              else controller.enqueue(chunkOf(n++));
            },
          }),
        );
      },
      /** How many bytes came back as they were sent; throws at the first that did not. */
      readBack: async (disk: { openReadStream(key: string): Promise<ReadableStream<Uint8Array>> }, key: string) => {
        let at = 0;
        for await (const bytes of await disk.openReadStream(key)) {
          for (let from = 0; from < bytes.length; ) {
            const chunk = chunkOf(Math.floor(at / 65_536));
            const length = Math.min(bytes.length - from, 65_536 - (at % 65_536));
            const wanted = chunk.subarray(at % 65_536, (at % 65_536) + length);
            if (!wanted.every((byte, n) => byte === bytes[from + n])) throw new Error(`other bytes near ${at}`);
            from += length;
            at += length;
          }
        }
        return at;
      },
    });
  });
  const send = (key: string, bytes: number) => page.evaluate(`send(diskCache.cache('uploads'), '${key}', ${bytes})`);
  const readBack = (key: string) => page.evaluate<number>(`readBack(diskCache.cache('uploads'), '${key}')`);
  const memory = () => page.evaluate<{ now: number; peak: number }>(`fetch('/memory').then((answer) => answer.json())`);

  await send('warm', 8 * MIB);
  expect(await readBack('warm')).toBe(8 * MIB);
  const before = await memory();
  const began = performance.now();
  await send('large', STREAMED_BYTES);
  const there = await memory();
  const sent = performance.now();
  expect(await readBack('large')).toBe(STREAMED_BYTES);
  const back = await memory();
  const grown = (peak: number) => Math.round((peak - before.now) / MIB);
  console.log(
    `${STREAMED_BYTES / MIB} MB: there in ${Math.round(sent - began)} ms, main grew by ${grown(there.peak)} MB; back in ${Math.round(performance.now() - sent)} ms, ${grown(back.peak)} MB`,
  );
  expect(grown(there.peak), 'MB more in main while it was sent').toBeLessThan(32);
  expect(grown(back.peak), 'MB more in main while it was read').toBeLessThan(32);
});
