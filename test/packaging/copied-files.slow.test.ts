import { describe, expect, it } from 'vitest';
import { isMainEntry } from '../../main/bundling/bundled-files.ts';

describe('a module of the main process’s part of deskcache', () => {
  it.each([
    '/app/node_modules/deskcache/dist/main.js',
    '/app/node_modules/deskcache/dist/cjs/engine.js',
    'C:\\app\\node_modules\\deskcache\\dist\\offline.js',
    '/app/node_modules/.pnpm/deskcache@1.0.0_electron@40/node_modules/deskcache/dist/main.js',
    '/app/node_modules/deskcache/dist/main.js?commonjs-es-import',
    '/app/node_modules/deskcache/dist/main.js#part',
    // What folders may be called.
    '/home/ada/c#/app/node_modules/deskcache/dist/main.js',
    '/home/ada/what?/app/node_modules/deskcache/dist/main.js?v=1',
    '/home/ada/100%/é 名/app/node_modules/deskcache/dist/main.js',
  ])('is known by its id: %s', (id) => {
    expect(isMainEntry(id)).toBe(true);
  });

  it.each([
    '/app/node_modules/deskcache/dist/renderer.js',
    '/app/node_modules/deskcache/dist/index.js?x=/deskcache/dist/main.js',
    '/app/src/main.js',
    '/app/node_modules/deskcache/dist/main.js.map',
  ])('is not %s', (id) => {
    expect(isMainEntry(id)).toBe(false);
  });
});
