import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import * as deskcache from '../../protocol/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { runExample } from './fences.ts';

it('docs/guide-cache.md: many keys at once', async () => {
  const { known, deleted, count, users, rest } = await runExample('docs/guide-cache.md', 'many', {
    modules: { 'deskcache/engine': engine },
    scope: { directory: freshDirectory() },
    returns: ['known', 'deleted', 'count', 'users', 'rest'],
  });
  expect({ known, deleted, count, users, rest }).toEqual({
    known: [true, false],
    deleted: [true, false],
    count: 1,
    users: 1,
    rest: 1,
  });
});

it('docs/guide-cache.md: a store without the worker thread', async () => {
  const directory = freshDirectory();
  await runExample('docs/guide-cache.md', 'no-worker-thread', {
    modules: { 'deskcache/engine': engine },
    scope: { directory },
    returns: [],
  });
  using cache = new engine.Cache(directory);
  expect(cache.get('greeting')).toBe('hello');
});

it('docs/guide-performance.md: the page cache', async () => {
  const { handle } = await runExample('docs/guide-performance.md', 'page-cache', {
    modules: { 'deskcache/engine': engine },
    scope: { directory: freshDirectory() },
    returns: ['handle'],
  });
  expect(handle).toMatchObject({ options: { pageCache: 256 * 1024 * 1024 } });
});

it('docs/guide-types.md: values are refused by the compiler, and by the call', async () => {
  const directory = freshDirectory();
  const { refused } = await runExample('docs/guide-types.md', 'values', {
    modules: { 'deskcache/engine': engine },
    scope: { directory },
    returns: ['refused'],
  });
  // The store is closed by now.
  expect(refused as () => void).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  using users = new engine.Cache<string>(directory);
  expect(users.get('ada')).toEqual({ name: 'Ada', born: new Date('1815-12-10') });
});

it('docs/guide-types.md: omitUnstorable leaves what can be stored', async () => {
  const { value } = await runExample('docs/guide-types.md', 'omit', { modules: { deskcache }, returns: ['value'] });
  expect(value).toStrictEqual({ at: new Date(0), point: { x: 1 }, list: [1, undefined] });
});

it('docs/guide-types.md: a transaction is a plain function', async () => {
  const { sum } = await runExample('docs/guide-types.md', 'transactions', {
    modules: { 'deskcache/engine': engine },
    scope: { directory: freshDirectory() },
    returns: ['sum'],
  });
  expect(sum).toBe(1);
});
