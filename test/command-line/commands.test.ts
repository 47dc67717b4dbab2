import { cpSync, globSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Cache, Index, Settings } from '../../main/engine/index.ts';
import { createHttpCache } from '../../main/offline/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { FIXTURES } from '../import/python-value.ts';
import { run } from './run.ts';

let directory: string;
beforeEach(() => {
  directory = freshDirectory();
});

describe('deskcache stats and check', () => {
  it('tell kind, items and bytes', async () => {
    using index = new Index(directory);
    index.set('k', 1);
    expect(JSON.parse((await run(['stats', directory, '--json'])).stdout)).toEqual({
      directory,
      kind: 'index',
      items: 1,
      bytes: expect.any(Number),
    });
  });

  it('give free pages back to the disk', async () => {
    {
      using cache = new Cache<string, string>(directory);
      for (let n = 0; n < 4000; n++) cache.set(`k${n}`, 'v'.repeat(900));
      for (let n = 0; n < 4000; n++) cache.delete(`k${n}`);
    }
    const before = statSync(join(directory, 'cache.db')).size;
    const { bytes } = JSON.parse((await run(['vacuum', directory, '--json'])).stdout);
    expect(bytes).toBeGreaterThan(0);
    expect(statSync(join(directory, 'cache.db')).size).toBeLessThanOrEqual(before - bytes);
    expect(JSON.parse((await run(['vacuum', directory, '--json'])).stdout)).toEqual({ bytes: 0 });
  });

  it('find damage, with exit code 1, until it is repaired', async () => {
    using cache = new Cache(directory, { fileThreshold: 10 });
    cache.set('k', 'a value in a file');
    expect(await run(['check', directory])).toMatchObject({ exitCode: 0, stderr: 'No damage found\n' });
    for (const file of globSync('values/**/*.val', { cwd: directory })) rmSync(join(directory, file));
    expect(await run(['check', directory])).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/--repair/) });
    expect(JSON.parse((await run(['check', directory, '--json'])).lines[0]!)).toMatchObject({ code: 'file', key: 'k' });
    expect((await run(['check', directory, '--repair'])).exitCode).toBe(0);
    expect((await run(['check', directory])).exitCode).toBe(0);
  });
});

describe('deskcache watch', () => {
  it('writes the changes of others until it is interrupted', async () => {
    using cache = new Cache(directory);
    const interrupt = new AbortController();
    let markReady = () => {};
    const isReady = new Promise<void>((resolve) => {
      markReady = resolve;
    });
    const watching = run(['watch', directory, '--json', '--values'], {
      interrupt: interrupt.signal,
      onLine: (text) => {
        if (text.includes('"last"')) interrupt.abort();
        else markReady();
      },
    });
    const again = setInterval(() => cache.set('first', { a: 1 }), 20);
    await isReady;
    clearInterval(again);
    cache.set('last', 2);
    const { lines, exitCode } = await watching;
    expect(exitCode).toBe(0);
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      expect.arrayContaining([
        { at: expect.any(Number), kind: 'set', key: 'first', value: { a: 1 } },
        { at: expect.any(Number), kind: 'set', key: 'last', value: 2 },
      ]),
    );
  });
});

describe('deskcache queue', () => {
  it('counts and lists jobs, and shows one', async () => {
    using queue = new Queue(directory);
    queue.enqueue({ mail: 1n });
    queue.enqueue('later', { delay: 1e7 });
    expect((await run(['queue', 'ls', directory])).lines.slice(0, 3)).toEqual([
      'state    jobs',
      'ready       1',
      'delayed     1',
    ]);
    expect(JSON.parse((await run(['queue', 'ls', directory, '--state', 'ready', '--json'])).lines[0]!)).toMatchObject({
      id: 1,
      payload: { mail: { $bigint: '1' } },
    });
    expect((await run(['queue', 'ls', directory, '--state', 'delayed'])).lines).toEqual([
      expect.stringMatching(/^2 .*0 attempts {2}due /),
    ]);
    expect((await run(['queue', 'show', directory, '1'])).stdout).toContain('payload    {"mail":{"$bigint":"1"}}');
    expect((await run(['ls', directory, '--json'])).exitCode).toBe(0);
    expect(JSON.parse((await run(['stats', directory, '--json'])).stdout)).toMatchObject({ kind: 'queue', items: 2 });
  });

  it('retries dead jobs, removes jobs, pauses', async () => {
    using queue = new Queue(directory);
    const { id } = queue.enqueue('x');
    const stop = new AbortController();
    const working = queue.process(
      () => {
        throw new Error('no\nnetwork');
      },
      { signal: stop.signal, retry: { attempts: 1 } },
    );
    await expect.poll(() => queue.counts().dead).toBe(1);
    stop.abort();
    await working;
    expect((await run(['queue', 'ls', directory, '--state', 'dead'])).stdout).toMatch(/1 attempt .*no network\n$/);
    expect((await run(['queue', 'retry', directory, `${id}`])).exitCode).toBe(0);
    expect(queue.counts()).toMatchObject({ ready: 1, dead: 0 });
    expect(await run(['queue', 'retry', directory, `${id}`])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/Nothing was done for 1/),
    });
    expect((await run(['queue', 'rm', directory, `${id}`])).exitCode).toBe(0);
    for (let n = 0; n < 3; n++) queue.enqueue({ n });
    expect((await run(['queue', 'clear', directory])).exitCode).toBe(2);
    expect(await run(['queue', 'clear', directory, '--state', 'ready'])).toMatchObject({ stdout: '3 jobs removed\n' });
    expect((await run(['queue', 'show', directory, `${id}`])).exitCode).toBe(1);
    await run(['queue', 'pause', directory]);
    expect(queue.paused).toBe(true);
    await run(['queue', 'resume', directory]);
    expect(queue.paused).toBe(false);
  });

  it('makes no queue where none is', async () => {
    expect((await run(['queue', 'ls', directory])).exitCode).toBe(4);
    expect((await run(['ls', directory])).exitCode).toBe(4);
  });
});

describe('deskcache http', () => {
  const url = 'https://example.test/a';

  it('lists, shows and forgets responses', async () => {
    using cache = new Cache(directory);
    const http = createHttpCache({
      cache,
      fetch: async () =>
        new Response('body', { headers: { 'cache-control': 'max-age=60', 'content-type': 'text/plain' } }),
    });
    await (await http.fetch(url)).text();
    await http.idle();
    expect((await run(['http', 'ls', directory])).lines).toEqual([
      expect.stringMatching(/^200 +\d s {2}https:\/\/example\.test\/a$/),
    ]);
    expect(JSON.parse((await run(['http', 'ls', directory, '--json'])).lines[0]!)).toMatchObject({
      url,
      status: 200,
      type: 'text/plain',
    });
    expect((await run(['http', 'show', directory, url])).lines).toContain('cache-control: max-age=60');
    expect((await run(['http', 'forget', directory, url])).exitCode).toBe(0);
    expect(await http.match(url)).toBeUndefined();
    expect((await run(['http', 'forget', directory, url])).exitCode).toBe(1);
    expect((await run(['http', 'show', directory, url])).exitCode).toBe(1);
  });
});

describe('deskcache import', () => {
  it('copies a directory of Python DiskCache', async () => {
    const source = join(directory, 'python');
    cpSync(join(FIXTURES, 'index'), source, { recursive: true });
    const { exitCode, stdout } = await run([
      'import-diskcache',
      source,
      join(directory, 'store'),
      '--kind',
      'index',
      '--json',
    ]);
    const { imported } = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    using index = new Index(join(directory, 'store'), { readOnly: true });
    expect(index.size).toBe(imported);
  });

  it('copies the file of electron-store into settings', async () => {
    const file = join(directory, 'config.json');
    writeFileSync(file, JSON.stringify({ theme: 'dark', zoom: 2 }));
    expect((await run(['import-electron-store', file, join(directory, 'settings')])).stdout).toBe(
      'The settings are now: theme, zoom\n',
    );
    using settings = new Settings(join(directory, 'settings'), { defaults: {} as Record<string, unknown> });
    expect(settings.all()).toEqual({ theme: 'dark', zoom: 2 });
    expect((await run(['get', join(directory, 'settings'), 'theme'])).stdout).toBe('dark');
  });
});
