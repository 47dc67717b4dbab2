import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { Index } from '../../main/engine/index.ts';
import { testHost } from '../../main/testing/index.ts';
import { defineStores, index } from '../../protocol/index.ts';
import { lowdb } from '../../protocol/move-source.ts';
import type { StandardSchema } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

let userData: string;
let file: string;
const emitWarning = vi.spyOn(process, 'emitWarning');

beforeEach(() => {
  userData = freshDirectory();
  file = join(userData, 'db.json');
  emitWarning.mockReset();
  writeFileSync(file, JSON.stringify({ posts: [{ id: 1 }], 'a.b': 2, __internal__: 'is data here' }));
});

const open = (schema?: StandardSchema) =>
  new Index<string, unknown>(join(userData, 'index'), { from: lowdb(file), ...(schema && { schema }) });

it('each member of the file becomes an entry, once, and the file stays', () => {
  using first = open();
  expect([...first]).toEqual([
    ['posts', [{ id: 1 }]],
    ['a.b', 2],
    ['__internal__', 'is data here'],
  ]);
  first.delete('a.b');
  first.close();
  using second = open();
  expect(second.has('a.b')).toBe(false);
});

it('entries that the index has stay as they are', () => {
  using before = new Index<string, unknown>(join(userData, 'index'));
  before.set('posts', 'mine');
  before.close();
  using after = open();
  expect([...after.keys()]).toEqual(['posts', 'a.b', '__internal__']);
  expect(after.get('posts')).toBe('mine');
});

it('entries that the schema refuses are listed in a warning', () => {
  const schema: StandardSchema = {
    '~standard': {
      version: 1,
      validate: (value) => (typeof value === 'string' ? { issues: [{ message: 'no texts' }] } : { value }),
    },
  };
  using entries = open(schema);
  expect([...entries.keys()]).toEqual(['posts', 'a.b']);
  expect(String(emitWarning.mock.calls[0]![0])).toMatch(/1 of the values in .*db\.json.*"__internal__"/);
});

it('a damaged file is tried again', () => {
  writeFileSync(file, '{');
  open().close();
  expect(String(emitWarning.mock.calls[0]![0])).toContain(`${file} was not moved`);
  writeFileSync(file, '{"a":1}');
  using repaired = open();
  expect([...repaired]).toEqual([['a', 1]]);
});

it('a declared index finds the file in the directory of the application', async () => {
  const stores = defineStores({ db: index<string, unknown>({ from: lowdb('db.json') }) });
  await using t = await testHost({ stores, directory: userData });
  expect(t.host.stores.db.get('a.b')).toBe(2);
});

it('the entries outlive a check and a repair', () => {
  using entries = open();
  expect(entries.check({ repair: true })).toEqual([]);
  expect(entries.size).toBe(3);
});

it('names and values that an index can not have are listed, and do not keep it from opening', () => {
  writeFileSync(
    file,
    `{"a": 1, "\\ud800": 2, "${'x'.repeat(70_000)}": 3, "deep": ${'['.repeat(3000)}${']'.repeat(3000)}}`,
  );
  using index = open();
  expect([...index]).toEqual([['a', 1]]);
  expect(String(emitWarning.mock.calls[0]?.[0])).toMatch(/3 of the values in .* were not moved/);
});
