import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../e2e/templates/packed-library.ts';
import { type InstalledApp, installApp } from './installed-app.ts';

let app: InstalledApp;
beforeAll(async () => {
  app = await installApp(['electron', '@types', 'react', 'vue', 'svelte']);
});
afterAll(() => app.remove());

/** Runs a CommonJS program in the application's folder and returns what it printed. `require` of ES modules is switched off, as in older Nodes. */
function runCommonJs(source: string): unknown {
  app.write({ 'program.cjs': source });
  const flags = ['--no-experimental-require-module', '--disable-warning=ExperimentalWarning'];
  const printed = execFileSync(process.execPath, [...flags, 'program.cjs'], { cwd: app.folder, encoding: 'utf8' });
  return JSON.parse(printed);
}

describe('require', () => {
  it.each([
    'deskcache',
    'deskcache/engine',
    'deskcache/offline',
    'deskcache/react',
    'deskcache/renderer',
    'deskcache/archive',
    'deskcache/import',
    'deskcache/testing',
    'deskcache/vite',
    'deskcache/vue',
    'deskcache/adapters/apollo',
    'deskcache/adapters/cache-manager',
    'deskcache/adapters/jotai',
    'deskcache/adapters/keyv',
    'deskcache/adapters/redux-persist',
    'deskcache/adapters/tanstack-query',
    'deskcache/adapters/unstorage',
    'deskcache/adapters/zustand',
  ])('of %s gives the same exports as import', (entry) => {
    const names = runCommonJs(`
        const required = Object.keys(require('${entry}')).sort();
        import('${entry}').then((it) => console.log(JSON.stringify([required, Object.keys(it).sort()])));
      `) as [string[], string[]];
    expect(names[0].length).toBeGreaterThan(0);
    expect(names[0]).toEqual(names[1]);
  });

  it('of deskcache/main requires electron, and no ES module', () => {
    const printed = runCommonJs(`
      const Module = require('node:module');
      const load = Module._load;
      let asked = 0;
      Module._load = function (name, ...rest) {
        if (name !== 'electron') return load.call(this, name, ...rest);
        asked++;
        return { app: {}, net: {}, protocol: {}, session: {}, utilityProcess: {}, MessageChannelMain: class {} };
      };
      const { preloadPath } = require('deskcache/main');
      console.log(JSON.stringify({ asked, preload: require('node:fs').existsSync(preloadPath) }));
    `) as { asked: number };
    expect(printed).toEqual({ asked: expect.any(Number), preload: true });
    expect(printed.asked).toBeGreaterThan(0);
  });

  it('a store of the engine works, and all entries throw one DiskCacheError', () => {
    const printed = runCommonJs(`
      const { mkdtempSync, rmSync } = require('node:fs');
      const { Cache } = require('deskcache/engine');
      const { DiskCacheError } = require('deskcache');
      const directory = mkdtempSync('store-');
      const cache = new Cache(directory);
      cache.set('key', new Map([[1, 2]]));
      let error;
      try { cache.set('key', () => {}); } catch (thrown) { error = thrown; }
      console.log(JSON.stringify({
        value: cache.get('key').get(1),
        one: error.constructor === DiskCacheError && require('deskcache/renderer').DiskCacheError === DiskCacheError,
      }));
      cache.close();
      rmSync(directory, { recursive: true });
    `);
    expect(printed).toEqual({ value: 2, one: true });
  });
});

describe('both formats in one process', () => {
  it('an error of one is an instance of the DiskCacheError of the other, and a subclass knows its own only', () => {
    const printed = runCommonJs(`
      const { DiskCacheError } = require('deskcache');
      import('deskcache').then((esm) => {
        class Own extends DiskCacheError {}
        console.log(JSON.stringify({
          same: esm.DiskCacheError === DiskCacheError,
          there: new DiskCacheError('BUSY', '') instanceof esm.DiskCacheError,
          back: new esm.DiskCacheError('BUSY', '') instanceof DiskCacheError,
          own: [new Own('BUSY', '') instanceof Own, new Own('BUSY', '') instanceof DiskCacheError],
          strangers: [new DiskCacheError('BUSY', '') instanceof Own, new esm.DiskCacheError('BUSY', '') instanceof Own],
          others: [new Error('BUSY'), null, 'BUSY', { name: 'DiskCacheError' }].map((it) => it instanceof DiskCacheError),
        }));
      });
    `);
    expect(printed).toEqual({
      same: false,
      there: true,
      back: true,
      own: [true, true],
      strangers: [false, false],
      others: [false, false, false, false],
    });
  });

  it('two stores on one directory see what the other has written', () => {
    const printed = runCommonJs(`
      const { mkdtempSync, rmSync } = require('node:fs');
      const { Cache } = require('deskcache/engine');
      import('deskcache/engine').then((esm) => {
        const directory = mkdtempSync('store-');
        const mine = new Cache(directory);
        const theirs = new esm.Cache(directory);
        mine.set('key', 1);
        const first = theirs.get('key');
        theirs.set('key', 2);
        console.log(JSON.stringify([first, mine.get('key')]));
        mine.close();
        theirs.close();
        rmSync(directory, { recursive: true });
      });
    `);
    expect(printed).toEqual([1, 2]);
  });
});

describe('the adapters', () => {
  const ADAPTERS = [
    'apollo',
    'cache-manager',
    'jotai',
    'keyv',
    'redux-persist',
    'tanstack-query',
    'unstorage',
    'zustand',
  ];

  /** What a file of the package imports from other packages, directly and through its own files. */
  function getPackages(path: string, seen: Set<string> = new Set()): string[] {
    if (seen.has(path)) return [];
    seen.add(path);
    const imported = Array.from(
      readFileSync(path, 'utf8').matchAll(/\bfrom "([^"]+)"/g),
      ([, specifier]) => specifier!,
    );
    return imported.flatMap((it) => (it.startsWith('.') ? getPackages(join(path, '..', it), seen) : [it]));
  }

  it('contain neither Node, nor the engine, nor the library that they are for, so that a page can load them', () => {
    const dist = join(app.folder, 'node_modules/deskcache/dist/adapters');
    expect(new Set(ADAPTERS.flatMap((name) => getPackages(join(dist, `${name}.js`))))).toEqual(new Set(['dequal']));
  });

  it('throw the DiskCacheError of the other entries', () => {
    const printed = runCommonJs(`
      const { DiskCacheError } = require('deskcache');
      const { keyvStore } = require('deskcache/adapters/keyv');
      try { keyvStore('nothing'); } catch (error) { console.log(JSON.stringify([error.constructor === DiskCacheError, error.code])); }
    `);
    expect(printed).toEqual([true, 'BAD_OPTION']);
  });
});

describe('the file of the utility process', () => {
  it('requires only modules of Node, so that it runs from any folder', () => {
    const text = readFileSync(join(app.folder, 'node_modules/deskcache/dist/deskcache/utility.cjs'), 'utf8');
    const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1]!);
    expect(required.length).toBeGreaterThan(5);
    expect(required.filter((name) => !/^(node:|url$)/.test(name))).toEqual([]);
  });
});

describe('types', () => {
  const PROGRAM = `
    import { cache, defineStores } from 'deskcache';
    import { Cache, DiskCacheError } from 'deskcache/engine';
    import { openDiskCache, preloadPath } from 'deskcache/main';
    import { Offline } from 'deskcache/offline';
    import { diskCache } from 'deskcache/renderer';
import { useEntry } from 'deskcache/react';
import { testHost } from 'deskcache/testing';
import { useSetting } from 'deskcache/vue';
    import { deskcache } from 'deskcache/vite';
    import { deskcache as forEsbuild } from 'deskcache/esbuild';
    import { DeskcachePlugin } from 'deskcache/webpack';
    import { keyvStore } from 'deskcache/adapters/keyv';
    import { jotaiStorage } from 'deskcache/adapters/jotai';
    import { zustandStorage } from 'deskcache/adapters/zustand';

    export const adapters = (kept: Cache<string, string>) => [
      keyvStore(kept),
      jotaiStorage<string>(kept),
      jotaiStorage<string>(diskCache.cache<string, string>('kept')),
      zustandStorage<{ n: number }>(diskCache.index<string>('kept')),
    ];
    // @ts-expect-error: a page's values are promises
    export const now: string = jotaiStorage<string>(diskCache.cache('kept')).getItem('key', '');
    export const stores = defineStores({ notes: cache<string, { readonly text: string }>() });
    export async function open(): Promise<string | undefined> {
      const host = await openDiskCache({ stores });
      return host.stores.notes.get('key')?.text;
    }
    class Own extends DiskCacheError {}
    export const own = (error: unknown): Own | undefined => (error instanceof Own ? error : undefined);
    export const code = (error: unknown): string | undefined => (error instanceof DiskCacheError ? error.code : undefined);
    export const all = [Cache, preloadPath, Offline, diskCache, deskcache, forEsbuild, DeskcachePlugin, useEntry, useSetting];
    export async function test(): Promise<string | undefined> {
      using t = await testHost({ stores });
      t.attach(window, { ready: [] });
      return t.host.stores.notes.get('key')?.text;
    }
    // @ts-expect-error: a note is not a number
    new Cache<string, string>('x').set('key', 1);
  `;
  it.each([
    ['a CommonJS package', 'commonjs'],
    ['a package of ES modules', 'module'],
  ])('compile in %s with module node16', (_name, type) => {
    app.write({ [`typed-${type}/package.json`]: JSON.stringify({ type }), [`typed-${type}/program.ts`]: PROGRAM });
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'node16',
      '--target',
      'es2022',
      '--lib',
      'es2023,dom,esnext.disposable',
    ];
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const compile = () =>
      execFileSync(process.execPath, [tsc, ...flags, '--types', 'node', join(`typed-${type}`, 'program.ts')], {
        cwd: app.folder,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    expect(compile).not.toThrow();
  });
});
