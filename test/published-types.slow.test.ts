import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly files: readonly string[] };
const TYPES = manifest.files.filter((pattern) => pattern.endsWith('.d.ts') && !pattern.startsWith('!'));
const EXCLUDED = manifest.files.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));

/** As `tsc -b` has left them, which runs before the tests do. */
const published = TYPES.flatMap((pattern) => globSync(pattern, { cwd: root, exclude: EXCLUDED })).map((path) =>
  join(root, path),
);

function getPackages(path: string): string[] {
  const imports = readFileSync(path, 'utf8').matchAll(/(?:from |import\()'([^.'][^']*)'/g);
  return Array.from(imports, ([, name]) => name!).filter((name) => !name.startsWith('node:'));
}

it('the published types name no package but those that an application has: Electron, and the framework whose bindings it uses', () => {
  expect(published.length).toBeGreaterThan(100);
  expect(new Set(published.flatMap(getPackages))).toEqual(new Set(['electron', 'vue']));
});

const ADAPTERS = [
  'main/adapters/apollo',
  'main/adapters/cache-manager',
  'main/adapters/jotai',
  'main/adapters/keyv',
  'main/adapters/redux-persist',
  'main/adapters/tanstack-query',
  'main/adapters/unstorage',
  'main/adapters/zustand',
];

/** An application's compiler options, as far as they make a difference to what it reads of us. Newer libs have members that a class which implements `Map` lacks. */
const APPLICATIONS = {
  'a page with lib ES2020': {
    entries: ['protocol', 'renderer-api', ...ADAPTERS],
    lib: ['ES2020', 'DOM'],
    types: [],
    uses: 'page',
  },
  'a page with the newest lib': {
    entries: ['protocol', 'renderer-api', ...ADAPTERS],
    lib: ['ESNext', 'DOM'],
    types: [],
    uses: 'page',
  },
  'a page with bindings': {
    entries: ['renderer-api/react', 'renderer-api/vue', 'renderer-api/svelte'],
    lib: ['ES2020', 'DOM'],
    types: [],
    uses: 'page',
  },
  'a main process with lib ES2020': {
    entries: ['protocol', 'main', 'main/engine', 'main/offline', 'main/testing', ...ADAPTERS],
    lib: ['ES2020'],
    types: ['node'],
    uses: 'main process',
  },
  'a main process with the newest lib': {
    entries: ['protocol', 'main', 'main/engine', 'main/offline', 'main/testing', ...ADAPTERS],
    lib: ['ESNext'],
    types: ['node'],
    uses: 'main process',
  },
} as const;

/** What an application does with its stores: each line after an expected error has to be one, with every lib. */
const USES = {
  page: `
import type { DiskCache } from '{types}/renderer-api/index.js';
interface User { readonly name: string }
export async function use(page: DiskCache, user: User): Promise<void> {
  const cache = page.cache<string>('api');
  await cache.set('k', user, { expiresAt: 5 });
  await cache.setMany([['a', 1], ['b', user, { ttl: 5 }]]);
  const each: boolean[] = await cache.deleteMany(['a'], { each: true });
  const count: number = await cache.deleteMany(['a']);
  // @ts-expect-error: a function
  await cache.set('k', () => each);
  // @ts-expect-error: a promise that was not awaited
  await cache.set('k', cache.get('l'));
  // @ts-expect-error: a promise is always true
  if (cache.has('k')) console.log(count);
}`,
  'main process': `
import { type Cache, type Index } from '{types}/main/engine/index.js';
interface User { readonly name: string }
export function use(cache: Cache<string>, users: Index<string, User>, user: User): void {
  cache.set('k', { user, at: new Date() });
  users.setMany([['a', user]]);
  const unknowns: Index<string> = users;
  // @ts-expect-error: a function
  cache.set('k', () => unknowns);
  // @ts-expect-error: an async function
  users.transact(async () => users.get('a'));
}`,
} as const;

it.each(Object.entries(APPLICATIONS))('the published types compile in %s', (name, { entries, lib, types, uses }) => {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'types-'));
  try {
    const imports = entries.map((entry) => {
      const file = entry.startsWith('main/adapters/') ? `${entry}.d.ts` : `${entry}/index.d.ts`;
      return `import '${join(root, 'dist/types', file).replaceAll('\\', '/')}';`;
    });
    const use = USES[uses].replaceAll('{types}', join(root, 'dist/types').replaceAll('\\', '/'));
    writeFileSync(join(directory, 'application.ts'), imports.join('\n') + use);
    const typeRoots = [join(root, 'node_modules/@types')];
    const compilerOptions = {
      target: 'ES2020',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      lib,
      types,
      typeRoots,
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['application.ts'] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', directory, '--skipLibCheck', 'false'], {
      encoding: 'utf8',
      cwd: root,
    });
    // What Electron's and Node's own types lack is theirs.
    expect(
      stdout.split('\n').filter((line) => line.includes('dist/types') || line.includes('application.ts')),
      name,
    ).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
