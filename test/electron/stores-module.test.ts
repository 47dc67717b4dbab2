import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { freshDirectory } from '../engine/fresh-directory.ts';

const SENT_STORES = new URL('../../main/electron/utility/engine-messages.ts', import.meta.url).href;

/** In plain Node: vitest's own `import` finds more exports in a CommonJS file than Node's. */
it.each([
  ['module.exports', 'module.exports = make();'],
  ['module.exports.stores', 'module.exports = { stores: make() };'],
  ['exports that only show when it runs', 'Object.assign(exports, { stores: make() });'],
])('storesModule may be a CommonJS file: %s', (_how, exported) => {
  const path = join(freshDirectory(), 'stores.cjs');
  writeFileSync(path, `const make = () => ({ notes: { kind: 'cache', options: {} } });\n${exported}\n`);
  const sent = JSON.stringify({ module: pathToFileURL(path).href, kinds: { notes: 'cache' } });
  const program = `import { deserializeStores } from '${SENT_STORES}'; console.log(JSON.stringify(await deserializeStores(${sent})));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(JSON.parse(printed)).toEqual({ notes: { kind: 'cache', options: {} } });
});
