/**
 * Takes the steps of a seed in a store that it alone has open, until it is killed or until `last`, and compares what each returns with a
 * model: `worker.ts <store> <directory> <durability> <seed> <first> <last>`; with `last` = `first` it only opens and closes the store.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '../random-steps.ts';
import { SteppedStore, type StoreName } from './steps.ts';

const [, , name, directory = '', durability, seed, first, last] = process.argv;
/** After this many steps the turn of the event loop ends, and after this many there is a rest. */
const [TURN_STEPS, REST_STEPS, REST_MS] = [16, 400, 12];

const expected = SteppedStore.createModel(name as StoreName, Number(seed));
while (expected.steps < Number(first)) expected.advance();
const taken = SteppedStore.open(name as StoreName, Number(seed), Number(first), directory, durability as Durability);
writeSync(1, 'open\n');
while (taken.steps < Number(last)) {
  const [returned, wanted] = [taken.advance(), expected.advance()];
  if (returned !== wanted) {
    writeSync(2, `step ${taken.steps - 1} returned ${returned} instead of ${wanted}\n`);
    process.exit(3);
  }
  // Acknowledged only after the call has returned; a synchronous write to a pipe leaves nothing behind in this process.
  writeSync(1, '.\n');
  if (taken.steps % REST_STEPS === 0) await sleep(REST_MS);
  else if (taken.steps % TURN_STEPS === 0) await new Promise((resolve) => setImmediate(resolve));
}
taken.store.close();
