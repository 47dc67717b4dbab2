/** A cache, an index and a transaction. Run it twice: what is on disk is still there. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cache, Index } from 'deskcache/engine';

const directory = join(tmpdir(), 'deskcache-first-steps');

const cache = new Cache<string, { readonly name: string }>(join(directory, 'users'), { ttl: 60_000 });
const counters = new Index<string, number>(join(directory, 'counters'));

const runs = counters.update('runs', (before = 0) => before + 1);
console.log(`Run number ${runs}.`);
console.log('In the cache:', cache.get('ada') ?? 'nothing; it is put there now');
cache.set('ada', { name: 'Ada Lovelace' });

// The second step throws, so the first is rolled back.
try {
  cache.transact(() => {
    cache.set('bob', { name: 'Bob' });
    throw new Error('something went wrong half-way');
  });
} catch (error) {
  console.log(`${(error as Error).message}: Bob is ${cache.has('bob') ? 'here' : 'not here'}.`);
}

cache.close();
counters.close();
