import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { build, type InputOptions, type OutputOptions } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import config from '../../rolldown.config.ts';

const root = join(import.meta.dirname, '../..');
const KIB = 1024;

/** A folder of what a bundler has written; a file imports others at once, or on demand. */
interface Chunk {
  readonly name: string;
  readonly code: string;
  readonly imports: readonly string[];
}

interface Bundle {
  /** What a page loads before its first line, minified. Bytes. */
  readonly start: number;
  readonly startGzipped: number;
  /** All of it, with what is loaded on demand. */
  readonly everythingGzipped: number;
  readonly code: string;
}

const gzipSize = (chunks: readonly Chunk[]): number =>
  chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);

/** Each chunk is fetched, and so compressed, by itself. */
function measureBundle(chunks: readonly Chunk[]): Bundle {
  const start = new Set(['page.js']);
  for (const name of start) for (const it of chunks.find((chunk) => chunk.name === name)!.imports) start.add(it);
  const atStart = chunks.filter(({ name }) => start.has(name));
  const code = atStart.map((it) => it.code).join('');
  return {
    start: Buffer.byteLength(code),
    startGzipped: gzipSize(atStart),
    everythingGzipped: gzipSize(chunks),
    code,
  };
}

/** The package as it is published, in a folder of this test. */
const folder = mkdtempSync(join(root, 'node_modules/.cache-size-'));
const entry = (name: string) => join(folder, name);
const published: string[] = [];
beforeAll(async () => {
  const ofThePackage = config.filter(
    ({ input }) => Object.hasOwn(Object(input), 'index') || Object.hasOwn(Object(input), 'renderer'),
  );
  for (const part of ofThePackage.filter(({ output }) => (output as OutputOptions).format === 'esm')) {
    const { output } = await build({
      ...(part as InputOptions),
      cwd: root,
      output: part.output as OutputOptions,
      write: false,
      logLevel: 'silent',
    });
    for (const file of output) {
      if (file.type !== 'chunk') continue;
      mkdirSync(dirname(entry(file.fileName)), { recursive: true });
      writeFileSync(entry(file.fileName), file.code);
      published.push(file.fileName);
    }
  }
  writeFileSync(entry('package.json'), JSON.stringify({ type: 'module', sideEffects: false }));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As an application bundles a page, whose only line this is. */
const BUNDLERS: Readonly<Record<string, (page: string) => Promise<Bundle>>> = {
  async rolldown(page) {
    writeFileSync(entry('page.js'), page);
    const { output } = await build({
      input: entry('page.js'),
      platform: 'browser',
      write: false,
      logLevel: 'silent',
      output: { format: 'esm', minify: true, entryFileNames: '[name].js' },
    });
    const chunks = output.filter((it) => it.type === 'chunk');
    return measureBundle(chunks.map(({ fileName, code, imports }) => ({ name: fileName, code, imports })));
  },
  async esbuild(page) {
    writeFileSync(entry('page.js'), page);
    const { outputFiles, metafile } = await esbuild.build({
      entryPoints: [entry('page.js')],
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      target: 'es2023',
      absWorkingDir: folder,
      outdir: '.',
      write: false,
      metafile: true,
    });
    return measureBundle(
      outputFiles.map(({ path, text }) => {
        const name = path.slice(folder.length + 1);
        const imports = metafile.outputs[name]!.imports.filter(({ kind }) => kind === 'import-statement');
        return { name, code: text, imports: imports.map((it) => it.path) };
      }),
    );
  },
};

describe('the package for pages', () => {
  it('has one file that is loaded at start, and others that are loaded on demand', () => {
    const ofPages = published.filter((name) => name.startsWith('page-'));
    expect(ofPages).toEqual(
      expect.arrayContaining(
        ['adoption', 'faults', 'http-client', 'settings-mirror', 'start', 'updates', 'value-chunks'].map(
          (name) => `page-${name}.js`,
        ),
      ),
    );
  });

  it('has the one error class of all entry points, and exports nothing of its insides', async () => {
    const [shared, page] = await Promise.all([import(entry('index.js')), import(entry('renderer.js'))]);
    expect(page.DiskCacheError).toBe(shared.DiskCacheError);
    const names = ['DiskCache', 'DiskCacheError', 'RemoteRange', 'adopt', 'diskCache', 'getCacheStatus'];
    expect(Object.keys(page).toSorted()).toEqual(names);
  });
});

describe.each(Object.entries(BUNDLERS))('what a page pays that is bundled by %s', (name, bundle) => {
  it('for the error class alone: less than 2 KiB, nothing that listens', async () => {
    const page = await bundle("import { DiskCacheError } from './renderer.js'; console.log(DiskCacheError);");
    expect(page.startGzipped).toBeLessThan(2 * KIB);
    if (name === 'rolldown') expect(page.start).toBeLessThan(2 * KIB);
    expect(page.code).not.toMatch(/addEventListener|postMessage|import\(/);
  });

  it('for the declaration of its stores: less than 1 KiB gzipped', async () => {
    const page = await bundle(
      "import { cache, defineStores } from './index.js'; console.log(defineStores({ api: cache() }));",
    );
    expect(page.startGzipped).toBeLessThan(KIB);
  });

  describe('for calls', () => {
    let page: Bundle;
    beforeAll(async () => {
      page = await bundle("import { diskCache } from './renderer.js'; console.log(await diskCache.get('k'));");
    });

    it('at start: at most 9 KiB gzipped', () => {
      expect(page.startGzipped).toBeLessThanOrEqual(9 * KIB);
    });

    it('without comlink, HTTP, streams, subscriptions and the naming of faults, which come on demand', () => {
      expect(page.code).not.toMatch(/comlink|addAll|FinalizationRegistry|TextDecoder|ID_Start/);
    });

    it('for everything: at most 28 KiB gzipped', () => {
      expect(page.everythingGzipped).toBeLessThanOrEqual(28 * KIB);
    });
  });
});
