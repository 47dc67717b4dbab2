/**
 * Writes until it is killed, ends, or exits in the middle: `writer.ts <directory> <first> <how>`. Says the number of each value that is
 * stored.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Cache, type CheckpointMessage } from '../../main/engine/index.ts';

const [, , directory = '', first = '0', how = 'forever'] = process.argv;
/** Exits with the thread in the middle of the second checkpoint, or of a later one. */
const CHECKPOINTS_BEFORE_END = 1;
const VALUE = 'v'.repeat(1000);

const cache = new Cache<number, string>(directory);
let checkpoints = 0;
let hasThreadEnded = false;
process.on('worker', (worker) =>
  worker.on('exit', () => {
    hasThreadEnded = true;
  }),
);
subscribe('deskcache:checkpoint', (message) => {
  if ((message as CheckpointMessage).isInWorker) checkpoints++;
});
for (let n = Number(first); how === 'forever' || checkpoints <= CHECKPOINTS_BEFORE_END; n++) {
  cache.set(n, `${n} ${VALUE}`);
  writeSync(1, `${n}\n`);
  if (n % 16 === 0) await turn();
}
if (how === 'exit') process.exit(0);
// Otherwise it ends by itself. If it had to wait for the thread, which ends when it is idle, that would come first.
process.on('beforeExit', () => {
  if (hasThreadEnded) process.exit(3);
});
