/** Streams a value in, and does not come to its end within a minute: `streaming.ts <directory>`. */
import { writeSync } from 'node:fs';
import { Cache } from '../../main/engine/index.ts';

const [, , directory = ''] = process.argv;
const cache = new Cache(directory);

async function* createSlowSource(): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; chunk < 300; chunk++) {
    yield new Uint8Array(100_000).fill(chunk);
    if (chunk === 20) writeSync(1, 'streaming\n');
    await new Promise((resolve) => setTimeout(resolve, chunk < 25 ? 1 : 250));
  }
}

await cache.writeStream('k', createSlowSource());
