import { once } from 'node:events';
import { Cache } from '../../main/engine/index.ts';

/* A process that stores the second half of a stream when it is told to. */

const cache = new Cache(process.argv[2]!);

async function* createHangingSource(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(100_000).fill(7);
  process.send!('half');
  await once(process, 'message');
  yield new Uint8Array(100_000).fill(7);
}

await cache.writeStream('half', createHangingSource());
cache.close();
process.disconnect();
