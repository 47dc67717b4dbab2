import { cp } from 'node:fs/promises';
import { deskcache } from 'deskcache/esbuild';
import { build } from 'esbuild';

await build({
  entryPoints: ['src/main/index.ts'],
  outdir: 'out/main',
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  external: ['electron'],
  // Copies the files that deskcache needs at run time next to the bundle: its preload script, the utility process, SQLite.
  plugins: [deskcache()],
});

await build({
  entryPoints: ['src/renderer/page.ts', 'src/renderer/style.css'],
  outdir: 'out/renderer',
  bundle: true,
  format: 'esm',
  target: 'chrome140',
  minify: true,
});
await cp('src/renderer/index.html', 'out/renderer/index.html');
