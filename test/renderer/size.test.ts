import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const KIB = 1024;

/** The entry points as they are published, from their sources; comlink comes with them, as in an application. */
const ENTRIES: Readonly<Record<string, string>> = {
  deskcache: join(root, 'protocol/index.ts'),
  'deskcache/renderer': join(root, 'renderer-api/index.ts'),
};

interface Bundle {
  /** What a page loads before its first line, minified. Bytes. */
  readonly start: number;
  readonly startGzipped: number;
  /** All of it, with what is loaded on demand. */
  readonly everythingGzipped: number;
  /** What is loaded on demand, by its names in the sources. */
  readonly onDemand: readonly string[];
  readonly code: string;
}

/**
 * A page as an application bundles it. `believes`: the bundler reads `sideEffects` in package.json, as most do; without, everything that
 * has an effect when it is loaded stays.
 */
async function bundle(page: string, believes = true): Promise<Bundle> {
  const { output } = await build({
    input: 'page.js',
    cwd: root,
    platform: 'browser',
    write: false,
    logLevel: 'silent',
    treeshake: { moduleSideEffects: (id) => !believes || id.endsWith('page.js') },
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === 'page.js' ? join(root, 'page.js') : ENTRIES[id]),
        load: (id) => (id.endsWith('page.js') ? page : null),
      },
    ],
    output: { format: 'esm', minify: true },
  });
  const chunks = output.filter((it) => it.type === 'chunk');
  const start = new Set(chunks.filter(({ isEntry }) => isEntry));
  for (const chunk of start) for (const it of chunks) if (chunk.imports.includes(it.fileName)) start.add(it);
  const gzipped = (of: Iterable<(typeof chunks)[number]>) =>
    Array.from(of, ({ code }) => gzipSync(code, { level: 9 }).length).reduce((sum, bytes) => sum + bytes, 0);
  const code = Array.from(start, (it) => it.code).join('');
  return {
    start: Buffer.byteLength(code),
    startGzipped: gzipped(start),
    everythingGzipped: gzipped(chunks),
    onDemand: chunks.filter(({ isDynamicEntry }) => isDynamicEntry).map(({ name }) => name),
    code,
  };
}

describe('what a page pays', () => {
  it('for the error class alone: less than 2 KiB, nothing that listens, and nothing loaded later', async () => {
    const page = "import { DiskCacheError } from 'deskcache/renderer'; console.log(DiskCacheError);";
    for (const believes of [true, false]) {
      const { start, code } = await bundle(page, believes);
      expect(start).toBeLessThan(2 * KIB);
      expect(code).not.toMatch(/addEventListener|postMessage|import\(/);
    }
  });

  it('for the declaration of its stores: less than 1 KiB gzipped', async () => {
    const page = "import { cache, defineStores } from 'deskcache'; console.log(defineStores({ api: cache() }));";
    expect((await bundle(page)).startGzipped).toBeLessThan(KIB);
  });

  describe('for calls', () => {
    let calls: Bundle;
    beforeAll(async () => {
      calls = await bundle("import { diskCache } from 'deskcache/renderer'; console.log(await diskCache.get('k'));");
    });

    it('at start: less than 12 KiB gzipped, in some chunks', () => {
      expect(calls.startGzipped).toBeLessThan(12 * KIB);
    });

    it('without HTTP, streams and subscriptions, which come on demand', () => {
      expect(calls.onDemand.toSorted()).toEqual(['loaded-listeners', 'offline-client', 'value-chunks']);
      expect(calls.code).not.toMatch(/comlink|addAll|FinalizationRegistry|TextDecoder/);
    });

    it('for everything: less than 20 KiB gzipped', () => {
      expect(calls.everythingGzipped).toBeLessThan(20 * KIB);
    });
  });
});
