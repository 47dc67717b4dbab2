import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const TEMPLATES = ['electron-vite-react', 'forge-vite', 'esbuild-builder'] as const;

interface Manifest {
  readonly main: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifestAt = (path: string): Manifest & { readonly version: string } => JSON.parse(read(path));
const own = manifestAt('package.json');

describe.each(TEMPLATES)('the template %s', (name) => {
  const manifest = manifestAt(`templates/${name}/package.json`);

  it('names the exact versions it is tested with', () => {
    const versions = { ...own.devDependencies, deskcache: own.version };
    for (const [dependency, version] of Object.entries(manifest.devDependencies)) {
      expect(version, dependency).toMatch(/^\d+\.\d+\.\d+$/);
      // The tools that pack are not needed for a bundle, and not installed here.
      if (!['electron-builder', '@electron-forge/cli'].includes(dependency))
        expect(versions, name).toHaveProperty([dependency], version);
    }
  });

  it('has no dependencies, which electron-builder would pack in addition to the bundle', () => {
    expect(manifest.dependencies).toBeUndefined();
  });

  it('has the scripts named in its README and the workflow', () => {
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(['start', 'build', 'package', 'typecheck']));
    const readme = read(`templates/${name}/README.md`);
    for (const [, script] of readme.matchAll(/npm (?:run )?(\w+)/g)) {
      if (script !== 'install') expect(manifest.scripts).toHaveProperty([script!]);
    }
  });

  it('doesn’t refer to this repository', () => {
    for (const path of globSync(`templates/${name}/**/*`, { cwd: root, exclude: ['**/node_modules/**'] })) {
      if (/\.(ts|tsx|mjs|json|yml|md|html)$/.test(path))
        expect(read(path), path).not.toMatch(/\.\.\/\.\.\/\.\.|stand-in|e2e/);
    }
  });
});

describe('the templates', () => {
  it.each([
    ['src/stores.ts', TEMPLATES],
    ['src/main/index.ts', TEMPLATES],
    ['src/main/page-files.ts', TEMPLATES],
    ['src/main/cover.ts', TEMPLATES],
    ['src/renderer/data.ts', TEMPLATES],
    ['src/renderer/style.css', TEMPLATES],
    ['src/renderer/page.ts', ['forge-vite', 'esbuild-builder']],
    ['electron-builder.yml', ['electron-vite-react', 'esbuild-builder']],
  ] as const)('have the same %s', (path, [first, ...others]) => {
    for (const other of others)
      expect(read(`templates/${other}/${path}`), other).toBe(read(`templates/${first}/${path}`));
  });
});
