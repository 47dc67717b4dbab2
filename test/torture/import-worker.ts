import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importArchive } from '../../main/archive/index.ts';
import { Queue } from '../../main/queue/index.ts';

/** Imports an archive and the lines of a queue into new directories, again and again, until it is killed. `arguments`: the folder. */
const [root = ''] = process.argv.slice(2);
const lines = readFileSync(join(root, 'jobs.ndjson'), 'utf8').trimEnd().split('\n');

process.stdout.write('started\n');
for (let round = 0; ; round++) {
  using queue = new Queue(join(root, `queue-${round}`), { durability: 'process' });
  await Promise.all([importArchive(join(root, 'all.tar'), join(root, `copy-${round}`)), queue.import(lines)]);
}
