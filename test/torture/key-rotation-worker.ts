/** Changes the key of a store again and again until it is killed: `key-rotation-worker.ts <directory> <number of the first key>`. */
import { writeSync } from 'node:fs';
import { Cache, reseal } from '../../main/engine/index.ts';
import { createKey, createValue, ITEMS } from './key-rotation-items.ts';

const [, , directory = '', first] = process.argv;
let number = Number(first);
const cache = new Cache(directory, {
  encryptionKey: createKey(number),
  previousEncryptionKey: createKey(number - 1),
  exclusive: true,
  fileThreshold: 2000,
});
let writes = 0;
const onProgress = () => {
  const item = (writes++ * 7) % ITEMS;
  cache.set(item, createValue(item, writes));
};
await reseal(cache, { onProgress });
for (;;) {
  writeSync(1, `${number}\n`);
  number++;
  await reseal(cache, { encryptionKey: createKey(number), onProgress });
}
