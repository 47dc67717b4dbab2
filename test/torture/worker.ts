/** Takes the steps of a plan until it is killed, or until `last`: `worker.ts <subject> <directory> <durability> <seed> <first> [<last>]`. */
import { writeSync } from 'node:fs';
import { type Durability, STORES_UNDER_TEST, type StoreName, takeStep } from './random-steps.ts';

const [, , name, directory = '', durability, seed, first, last = 'Infinity'] = process.argv;
const store = STORES_UNDER_TEST[name as StoreName].open(directory, durability as Durability);

for (let index = Number(first); index < Number(last); index++) {
  const done = takeStep(name as StoreName, store, Number(seed), index);
  if (done !== undefined) await done;
  // Acknowledged only after the call has returned; a synchronous write to a pipe leaves nothing behind in this process.
  writeSync(1, `${index}\n`);
  // Yields now and then, so that work between turns also runs.
  if (index % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
}
store.close();
