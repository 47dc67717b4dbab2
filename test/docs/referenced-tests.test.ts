import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

it.each(['security', 'reliability'])('every test named in docs/%s.md exists', (page) => {
  const text = readFileSync(join(root, 'docs', `${page}.md`), 'utf8');
  const named = Array.from(text.matchAll(/`(test\/[^`]+\.ts)`/g), ([, path]) => path!);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
