/**
 * Which tools build a main process that has the library, in which module format, with the database in which process, run from where. The
 * tools are called as their users have them, and the result is printed as a table.
 *
 * `packaged` is what an installer takes along, in a folder without `node_modules` above it: the bundle alone, or, where deskcache stays
 * external, the build and `node_modules` as docs/guide-packaging.md has electron-builder pack them. `development` is the folder of the
 * application, and takes as long again: it is run with `PACKAGING=full`. That the same files run inside an asar archive can't be shown
 * here: only Electron reads one.
 */
import { cpSync, globSync, readdirSync, renameSync } from 'node:fs';
import { join, matchesGlob, relative, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getExample } from '../docs/fences.ts';
import type { Format } from './bundlers.ts';
import { DEPENDENCIES, type InstalledApp, installApp } from './installed-app.ts';
import { getExpected, type MainResult, PLACEMENTS, runMain } from './run-main.ts';
import { IS_FULL, TOOLS, type Tool } from './tools.ts';

const FORMATS = ['esm', 'cjs'] as const;
const LAYOUTS = IS_FULL ? (['packaged', 'development'] as const) : (['packaged'] as const);
type Layout = (typeof LAYOUTS)[number];

/** What each cell came to. */
const cells = new Map<string, string>();
const toKey = (...parts: readonly string[]): string => parts.join(' · ');

let app: InstalledApp;
beforeAll(async () => {
  // What the configurations of Forge and electron-vite import.
  app = await installApp(['@electron-forge', 'electron', 'vite']);
});
afterAll(() => {
  app.remove();
  printTable();
});

describe.each(Object.entries(TOOLS))('%s', (name, tool) => {
  it.each(tool.formats ?? FORMATS)('%s', async (format) => {
    const output = `out-${Object.keys(TOOLS).indexOf(name)}-${format}`;
    const main = await tool.build(app, output, format);
    const shipped = app.ship(output);
    if (tool.contents === 'node_modules') shipModules(app.folder, shipped);
    if (tool.contents === 'bundle') expectPluginFiles(shipped);
    for (const layout of tool.plugin === undefined ? LAYOUTS : (['packaged'] as const)) {
      const folder = layout === 'packaged' ? shipped : join(app.folder, output);
      const { failed, ...results } = await runFrom(layout, join(folder, main));
      expect(failed).toBeUndefined();
      for (const placement of PLACEMENTS) {
        const key = toKey(name, format, placement, layout);
        cells.set(key, 'FAILS');
        cells.set(key, expectResult(tool, placement, results[placement]));
      }
    }
  });
});

/** The application's folder is away where only what was shipped may be found: a bundler may have written its path into the bundle. */
async function runFrom(layout: Layout, main: string) {
  if (layout === 'development') return runMain(main);
  const away = `${app.folder}-away`;
  renameSync(app.folder, away);
  try {
    return await runMain(main);
  } finally {
    renameSync(away, app.folder);
  }
}

/** Returns the word for the table. */
function expectResult({ plugin }: Tool, placement: (typeof PLACEMENTS)[number], result?: MainResult): string {
  if (plugin === undefined) {
    expect(result).toEqual(getExpected(placement));
    return 'works';
  }
  expect(result).toMatchObject({ name: 'DiskCacheError', code: 'BAD_OPTION' });
  const missing = placement === 'main' ? 'better-sqlite3' : 'utility.cjs';
  for (const part of [missing, 'deskcache was bundled into ', plugin, 'docs/guide-packaging.md']) {
    expect(result?.message).toContain(part);
  }
  return 'says so';
}

/** What the plugins lay beside a bundle: the native file of this platform, and no other. */
function expectPluginFiles(bundle: string): void {
  const folder = join(bundle, 'deskcache');
  expect(readdirSync(folder).sort()).toEqual([
    ...['THIRD-PARTY-LICENSES.txt', 'better-sqlite3', 'preload-ready.cjs', 'preload.cjs', 'utility.cjs', 'worker.cjs'],
  ]);
  expect(readdirSync(join(folder, 'better-sqlite3')).sort()).toEqual(['LICENSE', 'lib', 'package.json', 'prebuilds']);
  expect(globSync('**/*.node', { cwd: folder })).toHaveLength(1);
}

/** `node_modules` as electron-builder packs them with the patterns of the guide. */
function shipModules(from: string, to: string): void {
  const excluded = getExcludedPatterns();
  for (const name of ['deskcache', ...DEPENDENCIES]) {
    const source = join(from, 'node_modules', name);
    cpSync(source, join(to, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter(path) {
        const inApp = `node_modules/${name}/${relative(source, path).split(sep).join('/')}`;
        return !excluded.some((pattern) => matchesGlob(inApp, pattern));
      },
    });
  }
}

/** The lines `- '!…'` of the guide's electron-builder.yml, for the platform that this runs on. */
function getExcludedPatterns(): string[] {
  const yaml = getExample('docs/guide-packaging.md', 'unbundled');
  const patterns = [...yaml.matchAll(/^ *- '!([^']+)'/gm)].map(([, pattern]) =>
    pattern!.replace(/\$\{(platform|arch)\}/g, (_, name: 'platform' | 'arch') => process[name]),
  );
  expect(patterns.length).toBeGreaterThan(1);
  return patterns;
}

function printTable(): void {
  const columns = FORMATS.flatMap((format) =>
    PLACEMENTS.flatMap((placement) => LAYOUTS.map((layout): [Format, string, Layout] => [format, placement, layout])),
  );
  const width = Math.max(...Object.keys(TOOLS).map((name) => name.length));
  const getCell = (name: string, column: [Format, string, Layout]) => {
    if (TOOLS[name]!.formats?.includes(column[0]) === false) return '–';
    return cells.get(toKey(name, ...column)) ?? (TOOLS[name]!.plugin && column[2] === 'development' ? '–' : 'not run');
  };
  const head = [0, 1, 2].map((part) => ['', ...columns.map((column) => column[part]!)]);
  const rows = [
    ...head,
    ...Object.keys(TOOLS).map((name) => [name, ...columns.map((column) => getCell(name, column))]),
  ];
  console.log(
    rows
      .map(([first, ...texts]) => `${first!.padEnd(width)}  ${texts.map((text) => text.padEnd(11)).join(' ')}`)
      .join('\n'),
  );
}
