/** Replaces, deletes and adds in one transaction, says so, and never comes to its end: `inside.ts <directory>`. */
import { writeSync } from 'node:fs';
import { Cache } from '../../main/engine/index.ts';

const [, , directory = ''] = process.argv;
const cache = new Cache(directory);

cache.transact(() => {
  cache.set('small', 'replaced');
  cache.set('file', 'y'.repeat(60_000));
  cache.delete('other file');
  cache.set('new file', 'z'.repeat(70_000));
  cache.transact(() => cache.push('x'.repeat(80_000)));
  cache.incr('count');
  writeSync(1, 'inside\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
});
