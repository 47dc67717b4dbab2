import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const CHILD_SCRIPT = fileURLToPath(new URL('staged-bodies-process.ts', import.meta.url));

/** Runs a process until it reports that its bodies are on disk, then kills it. */
async function killWhileWriting(how: 'addAll' | 'put' | 'http', directory: string): Promise<void> {
  const child = spawn(process.execPath, [CHILD_SCRIPT, how, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

it.each(['addAll', 'put'] as const)(
  'the leftovers of a process killed during %s are deleted when the cache is opened',
  async (how) => {
    const directory = freshDirectory();
    await killWhileWriting(how, directory);
    using cache = new Cache(directory, { evictionPolicy: 'none' });
    expect([...cache.keys({ prefix: ['cached-staged'] })].length).toBeGreaterThan(0);
    const caches = new CacheStorage({ cache, fetch: async () => new Response() });
    const opened = await caches.open('shell');
    expect((await opened.keys()).map(({ url }) => url)).toEqual(['https://a.example/before']);
    expect(await (await opened.match('https://a.example/before'))?.text()).toBe('before');
    const left = [...cache.keys()].map((key) => (key as string[])[0]);
    expect(left.sort()).toEqual(['cached', 'cached-body', 'cached-order', 'caches']);
    // The engine deletes the file of an unfinished stream; other files wait until the log is synced, as a check does.
    cache.check();
    if (how === 'addAll') expect(cache.volume()).toBeLessThan(500_000);
  },
);

it('the leftovers of a process killed while an HTTP cache was writing are deleted by the next write', async () => {
  const directory = freshDirectory();
  await killWhileWriting('http', directory);
  using cache = new Cache(directory, { evictionPolicy: 'none' });
  expect([...cache.keys({ prefix: ['http-staged'] })].length).toBe(1);
  const fetch = async () => new Response('small', { headers: { 'cache-control': 'max-age=60' } });
  await (await createHttpCache({ cache, fetch }).fetch('https://a.example/other')).text();
  expect([...cache.keys()].map((key) => (key as string[])[0]).sort()).toEqual(['http', 'http-body']);
});

it('bodies that other processes are writing are not deleted', async () => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const caches = new CacheStorage({ cache, fetch: async () => new Response() });
  const shell = await caches.open('shell');
  let end = () => {};
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(100_000));
      end = () => controller.close();
    },
  });
  const put = shell.put('https://a.example/slow', new Response(body));
  await expect.poll(() => [...cache.keys({ prefix: ['cached-staged'] })].length).toBe(1);
  // Another handle of the same directory, as of another process: it sweeps the store when it opens.
  using other = new Cache(cache.directory);
  const there = await new CacheStorage({ cache: other, fetch: async () => new Response() }).open('shell');
  expect([...other.keys({ prefix: ['cached-staged'] })].length).toBe(1);
  end();
  await put;
  expect((await (await there.match('https://a.example/slow'))?.arrayBuffer())?.byteLength).toBe(100_000);
  expect([...cache.keys({ prefix: ['cached-staged'] })]).toEqual([]);
});

it('failed and small bodies leave no note', async () => {
  using cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const fetch = async ({ url }: Request) =>
    url.endsWith('/fails') ? new Response('no', { status: 404 }) : new Response(new Uint8Array(100_000));
  const shell = await new CacheStorage({ cache, fetch }).open('shell');
  await expect(
    shell.addAll(['https://a.example/a', 'https://a.example/b', 'https://a.example/fails']),
  ).rejects.toThrow();
  await shell.put('https://a.example/c', new Response('c'));
  await shell.add('https://a.example/d');
  expect([...cache.keys()].map((key) => (key as string[])[0]).sort()).toEqual([
    ...['cached', 'cached', 'cached-body', 'cached-body', 'cached-order', 'caches'],
  ]);
});
