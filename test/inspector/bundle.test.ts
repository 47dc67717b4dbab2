import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Returns the modules of this repository that a bundler takes into a bundle of an entry, what is imported on demand included. */
async function listBundled(entry: string): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  return Object.keys(metafile.inputs);
}

describe('a bundle of an application', () => {
  it.each(['main/index.ts', 'main/utility.ts', 'main/engine/index.ts'])(
    'has nothing of the inspector: %s',
    async (entry) => {
      const bundled = await listBundled(entry);
      expect(bundled).toContain(entry);
      const loader = entry === 'main/index.ts' ? ['main/inspector/load.ts'] : [];
      expect(bundled.filter((path) => path.startsWith('main/inspector/'))).toEqual(loader);
    },
  );

  it('would show it', async () => {
    expect(await listBundled('main/inspector/index.ts')).toContain('main/inspector/inspection.ts');
  });

  it('leaves the engine out of the inspector’s own file: it works with the stores of the process that loads it', async () => {
    const bundled = await listBundled('main/inspector/index.ts');
    expect(bundled.filter((path) => path.startsWith('main/engine/'))).toEqual([
      'main/engine/validate.ts',
      'main/engine/values/json-value.ts',
    ]);
  });
});
