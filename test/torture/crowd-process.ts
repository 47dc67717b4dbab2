/** One of several processes in one directory, until it is killed or told to end: `crowd-worker.ts <directory> <name> <milliseconds>`. */
import { writeSync } from 'node:fs';
import { Cache, DiskCacheError, Lock } from '../../main/engine/index.ts';

const [, , directory = '', name = '', milliseconds = ''] = process.argv;
const cache = new Cache(directory, { sizeLimit: Number.POSITIVE_INFINITY });
const lock = new Lock(cache, 'the lock');
const end = Date.now() + Number(milliseconds);
const say = (what: string) => writeSync(1, `${what}\n`);
let pushed = 0;

while (Date.now() < end) {
  const dice = Math.floor(Math.random() * 6);
  try {
    if (dice === 0) {
      cache.incr('counted by incr');
      say('incr');
    } else if (dice === 1) {
      cache.update('counted by update', (current) => Number(current ?? 0) + 1);
      say('update');
    } else if (dice === 2) {
      lock.acquire();
      const count = Number(cache.get('counted under a lock') ?? 0);
      cache.set('counted under a lock', count + 1);
      say('lock');
      lock.release();
    } else if (dice === 3) {
      const id = `${name}.${pushed++}`;
      cache.push(`${id} ${'x'.repeat(pushed % 7 === 0 ? 40_000 : 100)}`, { prefix: 'line' });
      say(`push ${id}`);
    } else {
      const pulled = cache.pull({ prefix: 'line' });
      if (pulled !== undefined) say(`pull ${String(pulled[1]).split(' ', 1)[0]}`);
    }
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'BUSY') throw error;
    say('busy');
  }
}
cache.close();
