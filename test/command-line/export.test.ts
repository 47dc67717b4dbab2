import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { run } from './run.ts';

const open = {
  cache: (directory: string) => {
    const store = new Cache(directory, { sizeLimit: 5e6, tagIndex: true });
    store.set('a', new Map([[1, 2n]]), { tag: 't' });
    return store;
  },
  fanout: (directory: string) => {
    const store = new FanoutCache(directory, { shards: 3 });
    store.set('a', 1);
    return store;
  },
  index: (directory: string) => new Index(directory).set('a', 1),
  deque: (directory: string) => {
    const store = new Deque(directory, { maxLength: 9 });
    store.push(1, 2);
    return store;
  },
  settings: (directory: string) => {
    const store = new Settings<Record<string, unknown>>(directory, { defaults: {}, version: '2.1.0' });
    store.set('a', 1);
    return store;
  },
  queue: (directory: string) => {
    const store = new Queue(directory, { clock: () => 1e12 });
    store.enqueueMany([{ payload: { a: 1n } }, { payload: 2, delay: 1e12, group: 'g', dedupeKey: 'k' }]);
    store.pause();
    return store;
  },
} as const;

describe.each(Object.entries(open))('deskcache export and import of %s', (kind, create) => {
  it('make an equal store of a new folder, and can be repeated', async () => {
    const directory = freshDirectory();
    const [from, to, file] = ['from', 'to', 'lines.ndjson'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    create(from).close();
    expect(await run(['export', from, '--output', file])).toMatchObject({ exitCode: 0, stdout: '' });
    expect(readdirSync(directory).sort()).toEqual(['from', 'lines.ndjson']);
    expect((await run(['import', file, to])).stdout).toMatch(/^[12] imported, 0 there already|^1 imported, 1 there/);
    expect(JSON.parse((await run(['import', file, to, '--json'])).stdout)).toMatchObject({ imported: 0, skipped: [] });
    const [before, after] = [await run(['stats', from, '--json']), await run(['stats', to, '--json'])];
    expect(JSON.parse(after.stdout)).toMatchObject({ kind, items: JSON.parse(before.stdout).items });
    const withoutTimes = (text: string) =>
      text.replace(/"exportedAt":\d+|"storedAt":\d+|"at":[^"]+|"crc32":"\w+"/g, '');
    const again = (await run(['export', to])).stdout;
    expect(withoutTimes(again)).toBe(withoutTimes(readFileSync(file, 'latin1')));
  });
});

describe('deskcache export and import', () => {
  it('work as a pipe', async () => {
    const directory = freshDirectory();
    open.cache(join(directory, 'from')).close();
    const { stdout } = await run(['export', join(directory, 'from')]);
    expect((await run(['import', '-', join(directory, 'to')], { input: stdout })).stdout).toMatch(/^1 imported/);
    using copy = new Cache(join(directory, 'to'));
    expect(copy.get('a')).toEqual(new Map([[1, 2n]]));
  });

  it('change nothing for a damaged file: exit code 5', async () => {
    const directory = freshDirectory();
    open.cache(join(directory, 'from')).close();
    const { stdout } = await run(['export', join(directory, 'from')]);
    const file = join(directory, 'damaged');
    using target = new Cache(join(directory, 'to'));
    for (const text of [stdout.slice(0, -20), stdout.replace('"a"', '"b"'), 'x'.repeat(5e6)]) {
      writeFileSync(file, text);
      expect(await run(['import', file, target.directory])).toMatchObject({ exitCode: 5 });
    }
    expect(target.size).toBe(0);
  });

  it('leave no file behind when an export fails', async () => {
    const directory = freshDirectory();
    const file = join(directory, 'lines');
    open.cache(join(directory, 'from')).close();
    const interrupt = AbortSignal.abort();
    expect(await run(['export', join(directory, 'from'), '-o', file], { interrupt })).toMatchObject({ exitCode: 1 });
    expect(existsSync(file) || existsSync(`${file}.unfinished`)).toBe(false);
  });

  it('write all stores and queues of a folder to an archive, and make a folder of it', async () => {
    const directory = freshDirectory();
    for (const [name, create] of Object.entries(open)) create(join(directory, 'host', name)).close();
    const [file, copy] = [join(directory, 'all.tar'), join(directory, 'copy')];
    const exported = await run(['export', join(directory, 'host'), '--archive', file]);
    expect(exported).toMatchObject({ exitCode: 0, stdout: `${file}: 6 stores\n` });
    expect((await run(['import', file, copy])).lines).toContain(
      `${join(copy, 'cache')}: 1 imported, 0 expired, 0 skipped`,
    );
    const [before, after] = [await run(['ls', join(directory, 'host'), '--json']), await run(['ls', copy, '--json'])];
    const summarize = (text: string) => text.match(/"kind":"\w+"|"items":\d+/g);
    expect(summarize(after.stdout)).toEqual(summarize(before.stdout));
    expect(await run(['import', file, copy])).toMatchObject({ exitCode: 2 });
    expect(await run(['export', join(directory, 'host'), '--archive', file])).toMatchObject({ exitCode: 2 });
  });
});
