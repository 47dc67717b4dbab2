import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index, type Key, Settings } from '../../main/engine/index.ts';
import { encodeKey, isEqual } from '../../main/engine/internal.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { anyKey, anyValue } from './any-value.ts';

const RUNS = { numRuns: 6 };
const entries = fc.uniqueArray(fc.tuple(anyKey, anyValue), {
  maxLength: 12,
  selector: ([key]) => String(Buffer.from(String(encodeKey(key as Key)))) + typeof key,
});

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

const openings = {
  Cache: (directory: string) => new Cache(directory),
  'exclusive Cache': (directory: string) => new Cache(directory, { exclusive: true }),
  FanoutCache: (directory: string) => new FanoutCache(directory, { shards: 3 }),
  Index: (directory: string) => new Index(directory),
  'Cache with files': (directory: string) => new Cache(directory, { fileThreshold: 8 }),
} as const;

describe.each(Object.entries(openings))('%s', (_, open) => {
  it('has the same entries in the same order after export and import', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (given) => {
        const directory = freshDirectory();
        using source = open(join(directory, 'a'));
        using target = open(join(directory, 'b'));
        for (const [key, value] of given) source.set(key, value as never);
        const lines = await collect(source.export());
        expect(await target.import(lines)).toEqual({ imported: given.length, existing: 0, expired: 0, skipped: [] });
        const [before, after] = [[...source.entries()], [...target.entries()]];
        expect(after).toHaveLength(given.length);
        expect(before.map(([key]) => key)).toEqual(after.map(([key]) => key));
        for (const [at, [, value]] of before.entries()) expect(isEqual(value, after[at]![1])).toBe(true);
        expect(await target.import(lines)).toMatchObject({ imported: 0, existing: given.length });
      }),
      RUNS,
    );
  });

  it('goes on behind a line, and reports progress', async () => {
    using source = open(join(freshDirectory(), 'a'));
    using target = open(join(freshDirectory(), 'b'));
    for (let at = 0; at < 700; at++) source.set(at, `value ${at}`);
    const all = await collect(source.export());
    const { at } = JSON.parse(all[300]!) as { at: number };
    const progress: unknown[] = [];
    const rest = await collect(source.export({ after: at, onProgress: (it) => progress.push(it) }));
    expect(rest.slice(1, -1)).toEqual(all.slice(301, -1));
    expect(progress.at(-1)).toEqual({ done: 400, total: 700, unit: 'items' });
    expect(await target.import(rest)).toMatchObject({ imported: 400 });
    expect(await target.import(all)).toMatchObject({ imported: 300, existing: 400 });
    expect([...target.keys()]).toHaveLength(700);
  });
});

describe('a cache', () => {
  it('keeps tags, expiry, and what is pushed to queues', async () => {
    using source = new Cache(freshDirectory());
    using target = new Cache(freshDirectory(), { ttl: 1000 });
    const expiresAt = Date.now() + 1e6;
    source.set('tagged', 1, { tag: 'a', expiresAt });
    source.set('endless', 2, { tag: 7 });
    source.push('first');
    source.push('second');
    source.push({ n: 1 }, { prefix: ['jobs', 1] });
    source.push({ n: 0 }, { prefix: ['jobs', 1], side: 'front' });
    await target.import(source.export());
    expect(target.getEntry('tagged')).toMatchObject({ value: 1, tag: 'a', expiresAt });
    expect(target.getEntry('endless')).toMatchObject({ value: 2, tag: 7, expiresAt: undefined });
    expect(target.pull()?.[1]).toBe('first');
    target.push('third');
    expect([target.pull()?.[1], target.pull()?.[1], target.pull()]).toEqual(['second', 'third', undefined]);
    const prefix = ['jobs', 1];
    expect([target.pull({ prefix })?.[1], target.pull({ prefix })?.[1]]).toEqual([{ n: 0 }, { n: 1 }]);
  });

  it('leaves out what has expired, and skips what the store refuses', async () => {
    let now = 1000;
    using source = new Cache(freshDirectory(), { clock: () => now });
    using target = new Cache(freshDirectory(), { clock: () => now, sizeLimit: 400_000, codec: 'json' });
    source.set('old', 1, { ttl: 10 });
    source.set('map', new Map());
    source.set('large', new Uint8Array(3e6));
    source.set('good', 1);
    const lines = await collect(source.export());
    now = 2000;
    const result = await target.import(lines);
    expect(result).toMatchObject({ imported: 1, expired: 1 });
    expect(result.skipped.map(({ key }) => key)).toEqual(['map', 'large']);
    expect([...target.keys()]).toEqual(['good']);
  });

  it('keeps large values of every form', async () => {
    using source = new Cache(freshDirectory());
    using compressed = new Cache(freshDirectory(), { compression: 'zstd' });
    using target = new FanoutCache(freshDirectory(), { shards: 2 });
    const bytes = Buffer.alloc(3e6, 'abcdefg');
    const values: [string, unknown][] = [
      ['bytes', new Uint8Array(bytes)],
      ['text', 'é'.repeat(1.5e6)],
      ['broken text', `${'x'.repeat(2e6)}\ud800`],
      ['json', { list: Array.from({ length: 2e5 }, (_, at) => at) }],
      ['empty', new Uint8Array(0)],
    ];
    for (const store of [source, compressed]) {
      for (const [key, value] of values) store.set(key, value);
      target.clear();
      await target.import(store.export());
      for (const [key, value] of values) expect(isEqual(target.get(key), value), key).toBe(true);
      expect(target.openBytes('bytes')?.size).toBe(3e6);
    }
  });

  it('replaces what is there only if it is asked to', async () => {
    using source = new Cache(freshDirectory());
    using target = new Cache(freshDirectory());
    source.set('a', 'new');
    target.set('a', 'own');
    expect(await target.import(source.export())).toMatchObject({ existing: 1 });
    expect(target.get('a')).toBe('own');
    expect(await target.import(source.export(), { existing: 'replace' })).toMatchObject({ imported: 1 });
    expect(target.get('a')).toBe('new');
  });

  it('is exported while it changes: each item is there once, if it was there all the time', async () => {
    using source = new Cache(freshDirectory(), { fileThreshold: 100 });
    for (let at = 0; at < 2000; at++) source.set(at, at % 200 === 0 ? new Uint8Array(1.2e6) : `value ${at}`);
    const keys: number[] = [];
    let turn = 0;
    for await (const line of source.export()) {
      const { key } = JSON.parse(line) as { key?: number };
      if (key !== undefined) keys.push(key);
      source.delete(1000 + (turn++ % 300));
      if (turn % 4 === 0) source.set(turn % 900, new Uint8Array(2000));
      if (turn % 200 === 0) source.set(200 * (turn % 9), new Uint8Array(1.1e6));
    }
    const lasting = keys.filter((key) => key < 1000 || key >= 1300);
    expect(new Set(lasting).size).toBe(lasting.length);
    expect(lasting.length).toBe(1700);
  });

  it('stops by a signal, and with the store', async () => {
    const source = new Cache(freshDirectory());
    for (let at = 0; at < 5000; at++) source.set(at, 'x'.repeat(100));
    const reason = new Error('enough');
    const aborted = source.export({ signal: AbortSignal.abort(reason) });
    await expect(collect(aborted)).rejects.toBe(reason);
    const lines = await collect(source.export());
    using target = new Cache(freshDirectory());
    const controller = new AbortController();
    const stopped = target.import(lines, {
      signal: controller.signal,
      onProgress: ({ done }) => done > 0 && controller.abort(reason),
    });
    await expect(stopped).rejects.toBe(reason);
    const existing = target.size;
    expect(existing).toBeGreaterThan(0);
    expect(await target.import(lines)).toMatchObject({ imported: 5000 - existing, existing });
    const iterator = source.export()[Symbol.asyncIterator]();
    await iterator.next();
    source.close();
    await expect(collect({ [Symbol.asyncIterator]: () => iterator })).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a deque', () => {
  it('has the same values after export and import, also in steps and repeated', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyValue, { maxLength: 10 }),
        fc.array(anyValue, { maxLength: 5 }),
        async (back, front) => {
          using source = new Deque(freshDirectory());
          using target = new Deque(freshDirectory());
          source.extend(back as never);
          source.unshift(...(front as never[]));
          const lines = await collect(source.export());
          expect(await target.import(lines)).toMatchObject({ imported: back.length + front.length });
          expect(target.equals(source)).toBe(true);
          expect(await target.import(lines)).toMatchObject({ imported: 0, existing: back.length + front.length });
          if (lines.length < 4) return;
          using stepwise = new Deque(freshDirectory());
          const { at } = JSON.parse(lines[1]!) as { at: number };
          const rest = await collect(source.export({ after: at }));
          await expect(stepwise.import(rest)).rejects.toMatchObject({ code: 'BAD_OPTION' });
          stepwise.push(source.at(0) as never);
          await stepwise.import(rest);
          expect(stepwise.equals(source)).toBe(true);
        },
      ),
      RUNS,
    );
  });

  it('with other values stays as it is, unless they are to be replaced', async () => {
    using source = new Deque(freshDirectory());
    using target = new Deque(freshDirectory());
    source.push(1, 2, 3);
    target.push(1, 7);
    await expect(target.import(source.export())).rejects.toMatchObject({ code: 'BAD_OPTION' });
    expect([...target]).toEqual([1, 7]);
    expect(await target.import(source.export(), { existing: 'replace' })).toMatchObject({ imported: 2, existing: 1 });
    expect([...target]).toEqual([1, 2, 3]);
  });

  it('that would drop values by its maxLength is refused', async () => {
    using source = new Deque(freshDirectory());
    using target = new Deque(freshDirectory(), { maxLength: 2 });
    source.push(1, 2, 3);
    await expect(target.import(source.export())).rejects.toThrow(/maxLength/);
    expect(target.length).toBe(0);
  });
});

describe('settings', () => {
  it('keep what was set, and listeners hear of it', async () => {
    const defaults = { theme: 'light', editor: { fontSize: 12, wrap: true } };
    using source = new Settings(freshDirectory(), { defaults, version: 3 });
    using target = new Settings(freshDirectory(), { defaults, version: 3 });
    source.set('editor.fontSize', 20);
    const lines = await collect(source.export());
    await target.import(lines);
    expect(target.all()).toEqual({ theme: 'light', editor: { fontSize: 20, wrap: true } });
    using newer = new Settings(freshDirectory(), { defaults, version: 4 });
    await expect(newer.import(lines)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' });
    using index = new Index(freshDirectory());
    await expect(index.import(lines)).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

describe('an index', () => {
  it('checks imported values against its schema, and takes its own version only', async () => {
    using source = new Index(freshDirectory());
    source.set('a', 1);
    source.set('b', 'text');
    const lines = await collect(source.export());
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] },
      },
    } as const;
    using target = new Index<string, number>(freshDirectory(), { schema });
    expect(await target.import(lines)).toMatchObject({ imported: 1, skipped: [{ key: 'b' }] });
    using second = new Index(freshDirectory(), { version: 2 });
    await expect(second.import(lines)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' });
  });
});
