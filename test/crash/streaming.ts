/** Streams a value in, and never comes to its end: `streaming.ts <directory>`. */
import { writeSync } from 'node:fs';
import { Cache } from '../../main/engine/index.ts';

const [, , directory = ''] = process.argv;
const cache = new Cache(directory);

async function* endless(): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; ; chunk++) {
    yield new Uint8Array(100_000).fill(chunk);
    if (chunk === 20) writeSync(1, 'streaming\n');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

await cache.writeStream('k', endless());
