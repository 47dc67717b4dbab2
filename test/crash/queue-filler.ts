/** Enqueues until it is killed, and says what was enqueued: `queue-filler.ts <directory>`. */
import { writeSync } from 'node:fs';
import { Queue } from '../../main/queue/index.ts';

const [, , directory = ''] = process.argv;
const queue = new Queue<string>(directory, { timeout: 60_000 });

for (let next = queue.enqueue('x').id + 1; ; next++) {
  // Large enough for a file of its own: a row, a file, a place, a head and a key have to come together.
  const { id } = queue.enqueue('x'.repeat(50_000), { group: next % 3, dedupeKey: next });
  writeSync(1, `${id}\n`);
}
