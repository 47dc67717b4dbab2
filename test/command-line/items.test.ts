import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { run } from './run.ts';

let directory: string;
beforeEach(() => {
  directory = freshDirectory();
});

const fill = (path: string, work: (cache: Cache) => void): string => {
  using cache = new Cache(join(directory, path));
  work(cache);
  return cache.directory;
};

type Prepare = (dir: string) => () => void;

const openExclusively: Prepare = (dir) => {
  const cache = new Cache(dir, { exclusive: true });
  return () => cache.close();
};

const makeFolder: Prepare = (dir) => {
  mkdirSync(dir, { recursive: true });
  return () => {};
};

const writeDamaged: Prepare = (dir) => {
  const close = makeFolder(dir);
  writeFileSync(join(dir, 'cache.db'), 'x'.repeat(5000));
  return close;
};

describe('deskcache ls', () => {
  it('lists keys in key order, one a line; what isn’t plain text as JSON', async () => {
    const dir = fill('api', (cache) =>
      cache.setMany([
        ['b', 1],
        ['a', 2],
        [['t', 1], 3],
        [7, 4],
        ['two\nlines', 5],
      ]),
    );
    expect((await run(['ls', dir])).lines).toEqual(['7', 'a', 'b', '"two\\nlines"', '["t",1]']);
    expect((await run(['ls', dir, '--json'])).lines).toEqual(['7', '"a"', '"b"', '"two\\nlines"', '["t",1]']);
  });

  it('lists a prefix, a tag, a number of items, and from the end', async () => {
    const dir = fill('api', (cache) => {
      for (const key of ['a1', 'a2', 'b1']) cache.set(key, 1, { tag: key[1]! });
    });
    expect((await run(['ls', dir, '--prefix', 'a'])).lines).toEqual(['a1', 'a2']);
    expect((await run(['ls', dir, '--tag', '1'])).lines).toEqual(['a1', 'b1']);
    expect((await run(['ls', dir, '--limit', '1', '--reverse'])).lines).toEqual(['b1']);
  });

  it('says with -l how large an item is and when it expires', async () => {
    const dir = fill('api', (cache) => cache.set('k', 'value', { expiresAt: 4e12, tag: 'x' }));
    expect((await run(['ls', '-l', dir])).stdout).toMatch(/^ +5 {2}\d{4}-.+ {2}2096-10-02T07:06:40.000Z {2}x {2}k\n$/);
    const [line] = (await run(['ls', '-l', '--json', dir])).lines;
    expect(JSON.parse(line!)).toMatchObject({ key: 'k', bytes: 5, expiresAt: 4e12, tag: 'x' });
  });

  it('lets nothing that is stored give orders to the terminal', async () => {
    const order = '\u001b[2J\u009b';
    const dir = fill('api', (cache) => cache.set(order, order, { tag: order }));
    for (const args of [
      ['ls', dir],
      ['ls', '-l', dir],
      ['ls', '-l', '--json', dir],
      ['get', '--json', '--json-keys', dir, JSON.stringify(order)],
    ]) {
      const { stdout, exitCode } = await run(args);
      expect([exitCode, stdout.includes('2J'), /(?!\n)\p{Cc}/u.test(stdout)], args.join(' ')).toEqual([0, true, false]);
    }
    using deque = new Deque(join(directory, 'recent'));
    deque.push(order);
    expect((await run(['ls', deque.directory])).stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it('lists the stores in a folder, also one that can’t be opened', async () => {
    fill('api', (cache) => cache.set('k', 1));
    new Index(join(directory, 'deep', 'notes')).close();
    new FanoutCache(join(directory, 'many')).close();
    using settings = new Settings(join(directory, 'config'), { defaults: { theme: 'dark' } });
    settings.set('theme', 'light');
    using _ = new Cache(join(directory, 'own'), { exclusive: true });
    mkdirSync(join(directory, 'empty'));
    const { lines } = await run(['ls', directory, '--json']);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ path: 'api', kind: 'cache', items: 1 }),
      expect.objectContaining({ path: 'config', kind: 'settings', items: 1 }),
      expect.objectContaining({ path: join('deep', 'notes'), kind: 'index', items: 0 }),
      expect.objectContaining({ path: 'many', kind: 'fanout', items: 0 }),
      { path: 'own', error: 'BUSY' },
    ]);
  });

  it('lists the values of a deque with their positions', async () => {
    using deque = new Deque(join(directory, 'recent'));
    deque.extend(['a', { b: 1 }]);
    expect((await run(['ls', deque.directory])).lines).toEqual(['0  "a"', '1  { b: 1 }']);
    expect((await run(['ls', deque.directory, '--reverse', '--limit', '1'])).lines).toEqual(['1  { b: 1 }']);
  });

  it('finds the stores of an application by its name', async () => {
    using notes = new Index(join(directory, 'Atlas', 'deskcache', 'notes'));
    notes.set('FRA', 1);
    const env = { XDG_CONFIG_HOME: directory, APPDATA: directory };
    if (process.platform === 'darwin') return;
    expect((await run(['ls', 'Atlas/notes'], { env })).lines).toEqual(['FRA']);
    expect(await run(['ls', 'Gone/notes'], { env })).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(join(directory, 'Gone', 'deskcache')),
    });
  });
});

describe('deskcache get', () => {
  it('writes text and bytes as they are, and everything else readable', async () => {
    const dir = fill('api', (cache) =>
      cache.setMany([
        ['text', 'a\n b'],
        ['bytes', Uint8Array.of(0, 255)],
        [['t', 1], { a: new Map([[1, 2n]]) }],
      ]),
    );
    expect((await run(['get', dir, 'text'])).stdout).toBe('a\n b');
    expect((await run(['get', dir, 'bytes'])).stdout).toBe('\u0000ÿ');
    expect((await run(['get', dir, '--json-keys', '["t",1]'])).stdout).toBe('{ a: Map(1) { 1 => 2n } }\n');
    expect((await run(['get', dir, '--json', '--json-keys', '["t",1]'])).stdout).toBe(
      '{"a":{"$map":[[1,{"$bigint":"2"}]]}}\n',
    );
  });

  it('has exit code 1 for a key that isn’t there, and not for a stored undefined', async () => {
    const dir = fill('api', (cache) => cache.set('nothing', undefined));
    expect(await run(['get', dir, 'gone'])).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: 'gone is not in the store\n',
    });
    expect(await run(['get', dir, 'nothing', '--json'])).toMatchObject({
      exitCode: 0,
      stdout: '{"$undefined":true}\n',
    });
  });

  it('writes nothing to the store, not even a read', async () => {
    const dir = fill('api', (cache) => cache.set('k', 'v'));
    expect((await run(['get', dir, 'k'])).stdout).toBe('v');
    using cache = new Cache(dir, { exclusive: false });
    expect(cache.stats()).toEqual({ hits: 0, misses: 0 });
  });

  it.each([
    ['a store of another process or thread', openExclusively, 3, /exclusive/],
    ['a folder without a store', makeFolder, 4, /holds no store/],
    ['a damaged database', writeDamaged, 5, /cache\.db/],
  ])('says what is the matter with %s, with an exit code of its own', async (_, prepare, exitCode, message) => {
    const dir = join(directory, 'store');
    const close = prepare(dir);
    expect(await run(['get', dir, 'k'])).toMatchObject({
      exitCode,
      stdout: '',
      stderr: expect.stringMatching(message),
    });
    close();
  });
});

describe('deskcache set', () => {
  it('stores text, JSON, bytes, files and what comes in', async () => {
    const dir = fill('api', () => {});
    const file = join(directory, 'file.txt');
    writeFileSync(file, 'from a file');
    await run(['set', dir, 'text', '{"a":1}']);
    await run([
      'set',
      dir,
      'json',
      '{"at":{"$date":"1970-01-01T00:00:00.000Z"}}',
      '--type',
      'json',
      '--tag',
      'x',
      '--ttl',
      '60000',
    ]);
    await run(['set', dir, 'bytes', '--type', 'bytes'], { input: Uint8Array.of(1, 255) });
    await run(['set', dir, 'file', '--file', file]);
    await run(['set', dir, '--json-keys', '["t",1]', 'tuple']);
    using cache = new Cache(dir);
    expect(cache.getMany(['text', 'json', 'bytes', 'file', ['t', 1]])).toEqual([
      '{"a":1}',
      { at: new Date(0) },
      Uint8Array.of(1, 255),
      'from a file',
      'tuple',
    ]);
    expect(cache.getEntry('json')).toMatchObject({ tag: 'x', expiresAt: expect.any(Number) });
  });

  it('changes settings and indexes, and refuses what they don’t have', async () => {
    new Index(join(directory, 'notes')).close();
    expect(await run(['set', join(directory, 'notes'), 'k', 'v', '--ttl', '5'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/an index; leave --/),
    });
    expect(await run(['set', join(directory, 'notes'), 'k', 'v'])).toMatchObject({ exitCode: 0, stderr: '' });
    new Deque(join(directory, 'recent')).close();
    expect((await run(['set', join(directory, 'recent'), '0', 'v'])).exitCode).toBe(2);
  });

  it('refuses what isn’t JSON, and a value given twice', async () => {
    const dir = fill('api', () => {});
    expect(await run(['set', dir, 'k', '{a', '--type', 'json'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/not JSON/),
    });
    expect((await run(['set', dir, 'k', 'v', '--file', 'f'])).exitCode).toBe(2);
    expect((await run(['set', dir, 'k', 'v', '--ttl', 'soon'])).exitCode).toBe(2);
    expect((await run(['ls', dir])).stdout).toBe('');
  });
});

describe('deskcache rm', () => {
  it('deletes keys, a prefix, a tag or everything, and says how many', async () => {
    const dir = fill('api', (cache) => {
      for (const key of ['a1', 'a2', 'b1', 'b2', 'c']) cache.set(key, 1, { tag: key[1] ?? 'none' });
    });
    expect(await run(['rm', dir, 'c', 'gone'])).toMatchObject({ exitCode: 0, stderr: '1 deleted\n' });
    expect((await run(['rm', dir, '--prefix', 'a', '--json'])).stdout).toBe('{"deleted":2}\n');
    expect((await run(['rm', dir, '--tag', '1'])).stderr).toBe('1 deleted\n');
    expect((await run(['rm', dir, '--all'])).stderr).toBe('1 deleted\n');
    expect((await run(['rm', dir, 'c'])).exitCode).toBe(1);
  });

  it('deletes nothing unless it is told what', async () => {
    const dir = fill('api', (cache) => cache.set('k', 1));
    expect((await run(['rm', dir])).exitCode).toBe(2);
    expect((await run(['rm', dir, 'k', '--all'])).exitCode).toBe(2);
    expect((await run(['ls', dir])).lines).toEqual(['k']);
  });

  it('deletes values of a deque by position', async () => {
    using deque = new Deque(join(directory, 'recent'));
    deque.extend(['a', 'b', 'c', 'd']);
    expect((await run(['rm', deque.directory, '0', '-1', '1'])).stderr).toBe('3 deleted\n');
    expect([...deque]).toEqual(['c']);
  });
});

describe('deskcache', () => {
  it('explains itself, and names the command that was meant', async () => {
    expect((await run(['--help'])).stdout).toMatch(/Usage: deskcache [\s\S]*Exit codes: 0 done/);
    expect((await run(['--version'])).stdout).toBe('1.2.3\n');
    expect(await run(['sett'])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/Did you mean set\?/) });
    expect(await run(['ls'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/missing required argument 'dir'/),
    });
  });

  it.each(['bash', 'zsh', 'fish', 'powershell'])('writes a completion for %s', async (shell) => {
    const log: string[] = [];
    const { log: original } = console;
    console.log = (text: string) => void log.push(text);
    try {
      await run(['complete', shell]);
    } finally {
      console.log = original;
    }
    expect(log.join('\n')).toContain('deskcache');
  });
});
