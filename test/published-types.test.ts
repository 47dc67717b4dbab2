import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly files: readonly string[] };
const TYPES = manifest.files.filter((pattern) => pattern.endsWith('.d.ts'));

/** As `tsc -b` has left them, which runs before the tests do. */
const published = TYPES.flatMap((pattern) => globSync(pattern, { cwd: root })).map((path) => join(root, path));

function packagesIn(path: string): string[] {
  const imports = readFileSync(path, 'utf8').matchAll(/(?:from |import\()'([^.'][^']*)'/g);
  return Array.from(imports, ([, name]) => name!).filter((name) => !name.startsWith('node:'));
}

it('the published types name no package that an application would have to get types for', () => {
  expect(published.length).toBeGreaterThan(100);
  expect(new Set(published.flatMap(packagesIn))).toEqual(new Set(['electron']));
});
