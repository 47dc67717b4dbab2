import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type InputOptions, type OutputOptions } from 'rolldown';
import { afterAll, beforeAll, expect, it } from 'vitest';
import config from '../../rolldown.config.ts';

const root = join(import.meta.dirname, '../..');
const KIB = 1024;

/** The frameworks, and a page's use of everything that the entry point has. */
const HOOKS = 'useConnection, useDeque, useEntries, useEntry, useJobs, useSetting';
const BINDINGS = { react: HOOKS, vue: HOOKS, svelte: HOOKS };

const folder = mkdtempSync(join(root, 'node_modules/.cache-bindings-'));
beforeAll(async () => {
  for (const part of config) {
    const inputs = Object.keys(Object(part.input));
    const isPublished = ['index', 'renderer', ...Object.keys(BINDINGS)].some((name) => inputs.includes(name));
    const { format } = part.output as OutputOptions;
    if (!isPublished || format !== 'esm') continue;
    const { output } = await build({
      ...(part as InputOptions),
      cwd: root,
      output: part.output as OutputOptions,
      write: false,
      logLevel: 'silent',
    });
    for (const file of output) {
      if (file.type !== 'chunk') continue;
      mkdirSync(dirname(join(folder, file.fileName)), { recursive: true });
      writeFileSync(join(folder, file.fileName), file.code);
    }
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', sideEffects: false }));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the bytes that a page loads at start, gzipped. */
async function measurePage(page: string): Promise<number> {
  writeFileSync(join(folder, 'page.js'), page);
  const { output } = await build({
    input: join(folder, 'page.js'),
    external: [/^react/, /^vue/, /^svelte/],
    platform: 'browser',
    write: false,
    logLevel: 'silent',
    output: { format: 'esm', minify: true, entryFileNames: '[name].js' },
  });
  const chunks = output.filter((it) => it.type === 'chunk');
  const start = new Set(['page.js']);
  for (const name of start)
    for (const it of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) start.add(it);
  const code = chunks.filter(({ fileName }) => start.has(fileName)).map((it) => it.code);
  return code.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
}

it.each(Object.entries(BINDINGS))(
  'deskcache/%s costs a page less than 2 KiB gzipped beside the client',
  async (name, uses) => {
    const client = "import { diskCache } from './renderer.js'; console.log(diskCache);";
    const alone = await measurePage(client);
    const all = await measurePage(`${client} import { ${uses} } from './${name}.js'; console.log(${uses});`);
    console.log(`deskcache/${name}: ${all - alone} bytes gzipped beside ${alone} of the client`);
    expect(all - alone).toBeLessThan(2 * KIB);
  },
);
