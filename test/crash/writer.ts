/** Carries out the steps of a plan until it is killed: `writer.ts <directory> <seed> <first step> [exclusive]`. */
import { writeSync } from 'node:fs';
import { Cache } from '../../main/engine/index.ts';
import { createStep, performStep } from './random-writes.ts';

const [, , directory = '', seed = '', first = '', exclusive] = process.argv;
const cache = new Cache(directory, {
  sizeLimit: Number.POSITIVE_INFINITY,
  exclusive: exclusive === 'exclusive',
});

for (let index = Number(first); ; index++) {
  performStep(cache, createStep(Number(seed), index));
  // Acknowledged only after the call has returned; a synchronous write to a pipe leaves nothing behind in this process.
  writeSync(1, `${index}\n`);
}
