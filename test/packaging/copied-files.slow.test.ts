import { describe, expect, it } from 'vitest';
import { isMainEntry } from '../../main/bundling/bundled-files.ts';

describe('an entry of deskcache that runs in Node', () => {
  it.each([
    '/app/node_modules/deskcache/dist/main.js',
    '/app/node_modules/deskcache/dist/cjs/engine.js',
    'C:\\app\\node_modules\\deskcache\\dist\\offline.js',
    '/app/node_modules/deskcache/dist/queue.js',
    '/app/node_modules/deskcache/dist/cjs/testing.js',
    '/app/node_modules/.pnpm/deskcache@1.0.0_electron@40/node_modules/deskcache/dist/main.js',
    '/app/node_modules/deskcache/dist/main.js?commonjs-es-import',
    '/app/node_modules/deskcache/dist/main.js#part',
    // Unusual folder names.
    '/home/ada/c#/app/node_modules/deskcache/dist/main.js',
    '/home/ada/what?/app/node_modules/deskcache/dist/main.js?v=1',
    '/home/ada/100%/é 名/app/node_modules/deskcache/dist/main.js',
  ])('is recognised by its module id: %s', (id) => {
    expect(isMainEntry(id)).toBe(true);
  });

  it.each([
    '/app/node_modules/deskcache/dist/renderer.js',
    '/app/node_modules/deskcache/dist/index.js?x=/deskcache/dist/main.js',
    '/app/src/main.js',
    '/app/node_modules/deskcache/dist/main.js.map',
  ])('is not recognised in %s', (id) => {
    expect(isMainEntry(id)).toBe(false);
  });
});
