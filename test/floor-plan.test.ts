import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The composition root of the main process, and what it is made of. */
const COMPOSITION_ROOT = ['protocol/', 'main/', 'client/', 'node:', 'electron'];

/**
 * docs/architecture.md as data: what each room may import; `*` stands for any package. A file belongs to the longest prefix that
 * fits its path.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'protocol/': [],
  'renderer-api/': ['protocol/', 'client/', 'comlink'],
  'renderer-api/bindings/': ['protocol/', 'client/', 'renderer-api/index.ts', 'renderer-api/disk-cache.ts'],
  'renderer-api/react/': ['protocol/', 'client/', 'renderer-api/index.ts', 'renderer-api/bindings/', 'react'],
  'renderer-api/vue/': ['protocol/', 'client/', 'renderer-api/index.ts', 'renderer-api/bindings/', 'vue'],
  'renderer-api/svelte/': ['protocol/', 'client/', 'renderer-api/index.ts', 'renderer-api/bindings/', 'svelte'],
  'client/': ['protocol/', 'comlink'],
  'client/settings-mirror.ts': ['protocol/', 'client/', 'dequal'],
  'preload/': ['protocol/', 'electron'],
  'main/engine/': ['protocol/', 'node:'],
  'main/engine/sqlite/driver.ts': ['protocol/', 'main/engine/', 'node:', 'better-sqlite3'],
  'main/engine/settings/migrations.ts': ['protocol/', 'main/engine/', 'semver'],
  'main/adapters/': ['protocol/', 'dequal'],
  'main/bundling/': ['main/engine/runtime-files.ts', 'node:'],
  'main/bridge/': [
    'protocol/',
    'main/engine/index.ts',
    'main/engine/internal.ts',
    'main/queue/index.ts',
    'main/http-semantics/',
    'node:',
    'comlink',
  ],
  'main/http-semantics/': [],
  'main/assets/': ['protocol/', 'main/engine/index.ts', 'main/http-semantics/', 'node:', 'mrmime'],
  'main/command-line/': [
    'protocol/',
    'main/engine/index.ts',
    'main/engine/internal.ts',
    'main/import/index.ts',
    'main/inspector/inspected-stores.ts',
    'main/inspector/load.ts',
    'main/offline/index.ts',
    'main/queue/',
    'node:',
    '@bomb.sh/tab',
    'cli-progress',
    'commander',
  ],
  'main/inspector/': [
    'protocol/',
    'main/engine/index.ts',
    'main/engine/internal.ts',
    'main/engine/values/json-value.ts',
    'main/offline/http/policy.ts',
    'main/queue/index.ts',
    'main/http-semantics/',
    'node:',
  ],
  'main/inspector/load.ts': [
    'protocol/',
    'main/engine/internal.ts',
    'main/engine/runtime-files.ts',
    'main/inspector/',
    'node:',
  ],
  'main/inspector/page/': ['main/inspector/contract.ts', 'preact', '@tanstack/virtual-core', 'uplot'],
  'main/inspector/page/vite.config.ts': ['inlined-licenses.ts', 'vite'],
  'main/import/': ['protocol/', 'main/engine/index.ts', 'main/engine/internal.ts', 'node:'],
  'main/damage/': ['protocol/', 'main/engine/internal.ts', 'node:'],
  'main/metrics/': ['protocol/', 'main/engine/index.ts', 'main/engine/internal.ts', 'main/queue/index.ts', 'node:'],
  'main/offline/': [
    'protocol/',
    'main/engine/index.ts',
    'main/engine/internal.ts',
    'main/queue/index.ts',
    'main/http-semantics/',
    'node:',
  ],
  'main/offline/http/': [
    'protocol/',
    'main/engine/index.ts',
    'main/engine/internal.ts',
    'main/offline/bodies.ts',
    'main/offline/network.ts',
    'main/offline/options.ts',
    'main/http-semantics/',
    'node:',
    'http-cache-semantics',
  ],
  'main/queue/': ['protocol/', 'main/engine/index.ts', 'main/engine/internal.ts', 'node:'],
  'main/electron/': [
    'protocol/',
    'main/engine/index.ts',
    'main/engine/store-opener.ts',
    'main/damage/',
    'main/bridge/',
    'main/assets/',
    'main/offline/index.ts',
    'main/queue/index.ts',
    'client/',
    'node:',
    'electron',
  ],
  'main/utility.ts': [
    'main/open-engine.ts',
    'main/damage/',
    'main/electron/utility/',
    'main/engine/internal.ts',
    'main/metrics/',
  ],
  'main/testing/': [...COMPOSITION_ROOT, 'renderer-api/'],
  'main/open-engine.ts': ['protocol/', 'main/', 'node:'],
  'main/engine-placement.ts': COMPOSITION_ROOT,
  'main/host.ts': COMPOSITION_ROOT,
  'main/open-inspector.ts': COMPOSITION_ROOT,
  'main/open-metrics.ts': COMPOSITION_ROOT,
  'main/host-sealing.ts': COMPOSITION_ROOT,
  'main/index.ts': COMPOSITION_ROOT,
  'bench/': [
    'protocol/',
    'main/engine/',
    'main/bridge/',
    'main/offline/',
    'main/queue/',
    'main/testing/',
    'main/electron/utility/',
    'main/utility.ts',
    'client/',
    'renderer-api/',
    'e2e/stand-in/chromium/find-chromium.ts',
    '*',
  ],
  'demo-app/model/': ['deskcache'],
  'demo-app/page/': [
    'demo-app/model/',
    'deskcache',
    'deskcache/renderer',
    'preact',
    'd3-geo',
    'topojson-client',
    'geojson',
    'topojson-specification',
  ],
  'demo-app/main/': ['demo-app/model/', 'deskcache/main', 'electron', 'node:'],
  'demo-app/': ['demo-app/', 'e2e/', '*'],
  'templates/': ['*'],
};
const UNRESTRICTED_FOLDERS = ['test/', 'e2e/', 'docs/', 'examples/'];
const VAGUE_NAME = /^(utils?|helpers?|common|misc|types|manager)(\.|$)/;

const root = join(import.meta.dirname, '..');
const sources = globSync('**/*.{ts,tsx,mts,mjs}', {
  cwd: root,
  exclude: (path) => /(^|\/)(node_modules|dist|test-results)(\/|$)/.test(path),
}).map((path) => path.replaceAll('\\', '/'));

const getFolder = (path: string): string | undefined =>
  Object.keys(MAY_IMPORT)
    .filter((room) => path.startsWith(room))
    .sort((a, b) => b.length - a.length)[0];

function getImports(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const found = text.matchAll(
    /^\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3])!;
    return specifier.startsWith('.')
      ? relative(root, join(root, dirname(path), specifier)).replaceAll('\\', '/')
      : specifier;
  });
}

const folders = [...Object.keys(MAY_IMPORT), ...UNRESTRICTED_FOLDERS];
const isPackage = (target: string) => !folders.some((room) => target.startsWith(room));

function getForbiddenImports(path: string): string[] {
  const folder = getFolder(path);
  if (folder === undefined) return [];
  const allowed = [...MAY_IMPORT[folder]!, folder.endsWith('/') ? folder : `${dirname(folder)}/`];
  const isAllowed = (target: string) =>
    allowed.some(
      (it) =>
        it === target ||
        (it === '*' && isPackage(target)) ||
        (/[/:]$/.test(it) && target.startsWith(it)) ||
        target.startsWith(`${it}/`),
    );
  return getImports(path).filter((target) => !isAllowed(target));
}

const FOLDERS_WITHOUT_CIRCLES = /^(main|protocol|client|renderer-api|preload|bench|e2e|demo-app)\//;
/** Electron's objects know each other, so the stand-in's model of them does too. */
const ELECTRON_MODEL = /^e2e\/stand-in\/((main|mirror|utility)\/|type-conformance\.ts$)/;

/** What each file imports, directly or through others. */
function getReachable(start: string, imports: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [...(imports.get(start) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(imports.get(next) ?? []));
  }
  return reached;
}

/** The circles among the files, each as its files. Imports of types and `import()` count. */
function findCircles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const reachable = new Map([...imports.keys()].map((path) => [path, getReachable(path, imports)]));
  const circles = [...reachable].map(([path, reached]) =>
    [...reached].filter((other) => reachable.get(other)?.has(path)).sort(),
  );
  return [...new Map(circles.filter((it) => it.length > 0).map((it) => [it.join(), it])).values()];
}

describe('the floor plan', () => {
  it('sees the sources', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(getImports('renderer-api/index.ts')).toContain('protocol/error.ts');
  });

  it('has a room for every file', () => {
    const homeless = sources.filter(
      (path) =>
        path.includes('/') &&
        getFolder(path) === undefined &&
        !UNRESTRICTED_FOLDERS.some((room) => path.startsWith(room)),
    );
    expect(homeless).toEqual([]);
  });

  it.each(sources.filter((path) => getFolder(path) !== undefined))('%s imports only what its room may', (path) => {
    expect(getForbiddenImports(path)).toEqual([]);
  });

  it('keeps files under 400 lines', () => {
    const long = sources.filter((path) => readFileSync(join(root, path), 'utf8').split('\n').length > 400);
    expect(long).toEqual([]);
  });

  it('gives no file a name that says nothing', () => {
    expect(sources.filter((path) => VAGUE_NAME.test(basename(path)))).toEqual([]);
  });

  it('finds circles', () => {
    const imports = { 'a.ts': ['b.ts'], 'b.ts': ['c.ts'], 'c.ts': ['b.ts', 'd.ts'], 'd.ts': [] };
    expect(findCircles(new Map(Object.entries(imports)))).toEqual([['b.ts', 'c.ts']]);
  });

  it("has no circles but those inside the model of Electron's objects", () => {
    const imports = new Map(
      sources.filter((path) => FOLDERS_WITHOUT_CIRCLES.test(path)).map((path) => [path, getImports(path)]),
    );
    const circles = findCircles(imports);
    expect(circles.filter((files) => !files.every((path) => ELECTRON_MODEL.test(path)))).toEqual([]);
  });
});
