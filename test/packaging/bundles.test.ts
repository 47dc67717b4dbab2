import { globSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILD_TOOLS, type Format } from './build-tools.ts';
import { type InstalledApp, installApp } from './installed-app.ts';
import { runMain } from './run-main.ts';

const MAIN = readFileSync(join(import.meta.dirname, 'bundled-main.js'), 'utf8');
const NATIVE = `${process.platform}-${process.arch}`;
const OTHER_PLATFORM = process.platform === 'darwin' ? 'win32-x64' : 'darwin-x64';
const CELLS = Object.keys(BUILD_TOOLS).flatMap((tool) => (['esm', 'cjs'] as const).map((format) => ({ tool, format })));

let app: InstalledApp;
/** Where each bundle was shipped to, by its name. */
const shipped = new Map<string, string>();

const nameOf = (tool: string, format: Format, variant: string) => `${tool.replace(' ', '-')}-${format}-${variant}`;

async function bundle(tool: string, format: Format, variant: string, options: object = {}): Promise<string> {
  const output = nameOf(tool, format, variant);
  const plugin = variant === 'alone' ? (false as const) : options;
  await BUILD_TOOLS[tool]!({ folder: app.folder, output, format, plugin });
  app.write({ [`${output}/package.json`]: JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' }) });
  const place = app.ship(output);
  shipped.set(output, place);
  return place;
}

function run(tool: string, format: Format, variant: string, placement: string) {
  return runMain(join(shipped.get(nameOf(tool, format, variant))!, 'main.js'), { PLACEMENT: placement });
}

beforeAll(async () => {
  app = installApp();
  app.write({ 'main.js': MAIN, 'package.json': '{ "type": "module" }' });
  for (const { tool, format } of CELLS) {
    await bundle(tool, format, 'plugin');
    await bundle(tool, format, 'alone');
  }
  await bundle('rolldown', 'cjs', 'foreign', { platforms: [OTHER_PLATFORM] });
  // What was shipped can't find it any more, wherever a build tool has written its path into the bundle.
  rmSync(join(app.folder, 'node_modules'), { recursive: true });
}, 300_000);
afterAll(() => app.remove());

describe.each(['main', 'utility'])('a bundled main process without node_modules, placement %s', (placement) => {
  it.each(CELLS)(
    '$tool, $format: reads what it has written, and finds the preload script',
    async ({ tool, format }) => {
      expect(await run(tool, format, 'plugin', placement)).toEqual({
        printed: { read: `value ${2n ** 70n}`, preload: true },
      });
    },
  );

  // What is missing is found out in one way for both placements: one tool will do for the second.
  const alone = placement === 'main' ? CELLS : CELLS.filter(({ tool }) => tool === 'esbuild');
  it.each(alone)(
    '$tool, $format, without the plugin: the first call says what is missing',
    async ({ tool, format }) => {
      const { printed } = (await run(tool, format, 'alone', placement)) as {
        printed: { code: string; message: string };
      };
      expect(printed).toMatchObject({ name: 'DiskCacheError', code: 'BAD_OPTION' });
      expect(printed.message).toContain(placement === 'main' ? 'better-sqlite3' : 'utility.cjs');
      expect(printed.message).toContain('deskcache was bundled into ');
      expect(printed.message).toContain('docs/guide-packaging.md');
      const entry = tool === 'esbuild' || tool === 'webpack' ? tool : 'vite';
      expect(printed.message).toContain(`deskcache/${entry}`);
    },
  );
});

describe('what the plugins copy', () => {
  it.each(CELLS)('$tool, $format: the files and the native file of this platform, no other', ({ tool, format }) => {
    const place = join(shipped.get(nameOf(tool, format, 'plugin'))!, 'deskcache');
    expect(readdirSync(place).sort()).toEqual([
      'THIRD-PARTY-LICENSES.txt',
      'better-sqlite3',
      'preload.cjs',
      'utility.cjs',
    ]);
    expect(globSync('**/*.node', { cwd: place })).toHaveLength(1);
    expect(readdirSync(join(place, 'better-sqlite3')).sort()).toEqual(['LICENSE', 'lib', 'package.json', 'prebuilds']);
  });

  it('a native file for another platform is named with the cure', async () => {
    const { printed } = (await run('rolldown', 'cjs', 'foreign', 'main')) as { printed: { message: string } };
    expect(printed).toMatchObject({ code: 'BAD_OPTION' });
    expect(printed.message).toContain(`no native file for ${NATIVE}`);
    expect(printed.message).toContain(`{ platforms: ['${NATIVE}'] }`);
  });
});

describe('the file of the utility process', () => {
  it('requires nothing but modules of Node, so that it runs from anywhere', () => {
    const text = readFileSync(
      join(shipped.get(nameOf('rolldown', 'esm', 'plugin'))!, 'deskcache', 'utility.cjs'),
      'utf8',
    );
    const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1]!);
    expect(required.length).toBeGreaterThan(5);
    expect(required.filter((name) => !/^(node:|url$)/.test(name))).toEqual([]);
  });
});
