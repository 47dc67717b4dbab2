import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type Fence, getExamples, listPages, ROOT } from './fences.ts';

/** Inside the package, so that `deskcache/…` resolves to the published types in `dist/types`, as `tsc -b` writes them. */
const RESULTS = join(ROOT, 'test-results');

/** The globals of the snippets. */
const CONTEXT = `
import type * as Main from 'deskcache/main';
import type * as Pages from 'deskcache/renderer';
import type * as Electron from 'electron';
import type { PersistQueryClientOptions } from '@tanstack/query-persist-client-core';
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
  const store: Pages.RemoteIndex<string>;
  const queryClient: PersistQueryClientOptions['queryClient'];
  const { assetScheme, networkFetch }: typeof Main;
  const { net, protocol, session }: typeof Electron;
  type FrameInfo = Main.FrameInfo;
  type Grant = Main.Grant;
  const BrowserWindow: typeof Electron.BrowserWindow;
  const directory: string, oldFile: string, pythonDirectory: string;
  const addresses: string[], ids: string[], seen: string[], waiting: string[], heard: unknown[], shown: unknown[], tables: unknown[];
  const signal: AbortSignal;
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
import { cache, defineStores, deque, index, settings } from 'deskcache';
export const stores = defineStores({
  api: cache<string, ApiResponse>(),
  notes: cache<string, Note>(),
  settings: index<string, number>(),
  outbox: deque<string>(),
  preferences: settings<{ theme: 'light' | 'dark' }>({ defaults: { theme: 'light' } }),
});
`;

const COMPILER = {
  target: 'ES2023',
  module: 'nodenext',
  lib: ['ES2023', 'DOM', 'DOM.Iterable', 'ESNext.Disposable'],
  types: ['node'],
  jsx: 'react-jsx',
  allowJs: true,
  checkJs: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
};

/** An example as a module of its own. `{ … }` stands for options that the page doesn't spell out. */
const toFile = ({ page, name, language, code }: Fence): readonly [name: string, text: string] => [
  `${page.replace(/\.md$/, '').replaceAll('/', '-')}-${name}.${language}`,
  `${code.replaceAll('{ … }', '{}')}\nexport {};\n`,
];

it('every named example of README and the documents compiles in a strict application as it stands', () => {
  const examples = listPages()
    .flatMap(getExamples)
    .filter(({ name }) => name !== undefined);
  expect(examples.length).toBeGreaterThan(30);
  mkdirSync(RESULTS, { recursive: true });
  const folder = mkdtempSync(join(RESULTS, 'snippets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = [...examples.map(toFile), ['around.d.ts', CONTEXT], ['stores.ts', STORES]] as const;
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER, include: ['*.ts', '*.tsx', '*.js'] }),
  );
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', cwd: folder });
  expect(stdout).toBe('');
});
