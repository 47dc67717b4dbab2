import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const root = join(import.meta.dirname, '../..');
/**
 * Inside the package, so that `deskcache/…` resolves to the published types in `dist/types`, as `tsc -b` writes them.
 */
const results = join(root, 'test-results');

/** The globals of the snippets. */
const CONTEXT = `
import type * as Main from 'deskcache/main';
import type * as Pages from 'deskcache/renderer';
import type * as Electron from 'electron';
import type * as Declared from './stores.js';

declare global {
  type ApiResponse = readonly string[];
  interface Note { readonly of?: string }
  interface Draft { readonly id: string; readonly account: string }
  interface Settings { readonly theme?: string }
  const stores: typeof Declared.stores;
  const app: Pages.RemoteStores<typeof Declared.stores>;
  const diskCache: Pages.DiskCache;
  const host: Main.Host<typeof Declared.stores>;
  const { assetScheme, networkFetch }: typeof Main;
  const { net, protocol, session }: typeof Electron;
  type FrameInfo = Main.FrameInfo;
  type Grant = Main.Grant;
  const BrowserWindow: typeof Electron.BrowserWindow;
  const directory: string;
  const addresses: string[], ids: string[], seen: string[], waiting: string[], heard: unknown[];
  const bytes: Uint8Array, file: File, image: HTMLImageElement, users: ApiResponse, note: Note, draft: Draft;
  const sent: Promise<void>, delivered: Promise<void>;
  const schema: NonNullable<NonNullable<Parameters<typeof Main.index<string, Settings>>[0]>['schema']>;
  function fromVersionOne(settings: Map<string, unknown>, version: number): void;
  function load(address: string): Promise<string>;
  function makeReport(): Promise<string>;
  function send(payload: unknown, how?: unknown): Promise<void>;
  function settled(queue: unknown, jobs: number): Promise<void>;
  function show(...what: unknown[]): void;
  function redraw(...what: unknown[]): void;
}
`;

const STORES = `
import { cache, defineStores, deque, index } from 'deskcache';
export const stores = defineStores({
  api: cache<string, ApiResponse>(),
  notes: cache<string, Note>(),
  settings: index<string, number>(),
  outbox: deque<string>(),
});
`;

const COMPILER = {
  target: 'ES2023',
  module: 'nodenext',
  lib: ['ES2023', 'DOM', 'DOM.Iterable', 'ESNext.Disposable'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
};

function extractSnippets(path: string): (readonly [name: string, code: string])[] {
  const blocks = readFileSync(join(root, path), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g);
  return Array.from(blocks, ([, code], nth) => [
    `${basename(path, '.md')}-${nth + 1}.ts`,
    `${code!.replaceAll('{ … }', '{}')}\nexport {};\n`,
  ]);
}

it('the examples of README and the guides compile unchanged in a strict application', () => {
  const snippets = ['README.md', ...globSync('docs/guide-*.md', { cwd: root })].flatMap(extractSnippets);
  expect(snippets.length).toBeGreaterThan(25);
  mkdirSync(results, { recursive: true });
  const folder = mkdtempSync(join(results, 'snippets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = [...snippets, ['around.d.ts', CONTEXT], ['stores.ts', STORES]] as const;
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER, include: ['*.ts'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', cwd: folder });
  expect(stdout).toBe('');
});
