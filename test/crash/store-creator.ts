/** Creates stores one after the other until it is killed, and reports each one: `store-creator.ts <directory>`. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { Cache } from '../../main/engine/index.ts';

const [, , directory = ''] = process.argv;

for (let number = 0; ; number++) {
  const cache = new Cache(join(directory, String(number)), { evictionPolicy: 'sieve' });
  cache.set('number', number);
  writeSync(1, `${number}\n`);
  cache.close();
}
