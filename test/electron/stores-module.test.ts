import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, vi } from 'vitest';
import { storesFrom } from '../../main/electron/utility/sent-stores.ts';
import { freshDirectory } from '../engine/directory.ts';

vi.mock('electron', () => import('./double.ts'));

it.each([
  ['module.exports', 'module.exports = make();'],
  ['module.exports.stores', 'module.exports = { stores: make() };'],
  ['exports that only show when it runs', 'Object.assign(exports, { stores: make() });'],
])('storesModule may be a CommonJS file: %s', async (_how, exported) => {
  const path = join(freshDirectory(), 'stores.cjs');
  writeFileSync(path, `const make = () => ({ notes: { kind: 'cache', options: {} } });\n${exported}\n`);
  const declared = await storesFrom({ module: pathToFileURL(path).href, kinds: { notes: 'cache' } });
  expect(declared).toEqual({ notes: { kind: 'cache', options: {} } });
});
