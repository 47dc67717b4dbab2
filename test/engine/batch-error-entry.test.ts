import { expect, it } from 'vitest';
import { Cache, FanoutCache, Index } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

it.each([
  ['Cache', () => new Cache(freshDirectory())],
  ['FanoutCache', () => new FanoutCache(freshDirectory(), { shards: 2 })],
  ['Index', () => new Index(freshDirectory())],
])('setMany of %s names the invalid entry and stores none', (_, open) => {
  using store = open();
  const many = (bad: readonly [unknown, unknown]) => () =>
    store.setMany([['a', 1], bad as [string, unknown], ['c', 3]]);
  expect(many(['b', { f: () => 1 }])).toThrow(
    errorMatching('BAD_VALUE', 'entries[1]: value.f is a function; store plain data'),
  );
  expect(many([undefined, 2])).toThrow(errorMatching('BAD_KEY', 'entries[1]: key is undefined'));
  expect(() => store.setMany(['ab'] as never)).toThrow(errorMatching('BAD_OPTION', 'pairs [key, value]'));
  expect(store.size).toBe(0);
});
