/**
 * Takes steps of a plan while operations on files fail, and looks after each whether it was done or not:
 * `failing-worker.ts <subject> <directory> <faults file> <seed> <operation errno part-of-path>`. Prints what should not have been, as JSON.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { DiskCacheError } from '../../protocol/error.ts';
import { describeStore, ExpectedState, STORES_UNDER_TEST, type StoreName, takeStep } from './random-steps.ts';

const [, , name = '', directory = '', faults = '', seed = '', rule = ''] = process.argv;
const subject = name as StoreName;
/** Before anything fails, and while it does. */
const [HEALTHY_STEPS, FAILING_STEPS] = [12, 14];

const wrong: string[] = [];
let refused = 0;
process.on('uncaughtException', (error) => wrong.push(`thrown outside of a call: ${error}`));
process.on('unhandledRejection', (error) => wrong.push(`rejected, and not handled: ${error}`));

const expected = new ExpectedState(subject, Number(seed));
let store = STORES_UNDER_TEST[subject].open(directory, 'power');
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const shown = () => describeStore(subject, store).join('\n');

async function attempt(what: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    refused++;
    if (!(error instanceof DiskCacheError)) wrong.push(`${what} threw ${error}, which is not a DiskCacheError`);
    else if (error.code === 'CORRUPT') wrong.push(`${what} took a failure for damage: ${error.message}`);
  }
}

for (let n = 0; n < HEALTHY_STEPS; n++) {
  await takeStep(subject, store, Number(seed), expected.steps);
  expected.advance();
}
for (let n = 0; n < FAILING_STEPS; n++) {
  const before = expected.show().join('\n');
  writeFileSync(faults, `${rule}\n`);
  await attempt(`step ${expected.steps}`, () => takeStep(subject, store, Number(seed), expected.steps));
  // What reads only may fail, too, and changes nothing.
  await attempt('reading', shown);
  await attempt('check', () => store.check({ repair: n % 2 === 0 }));
  await nextTurn();
  if (n % 5 === 4) {
    await attempt('close', () => store.close());
    await attempt('open', () => STORES_UNDER_TEST[subject].open(directory, 'power').close());
    rmSync(faults, { force: true });
    store = STORES_UNDER_TEST[subject].open(directory, 'power');
  }
  rmSync(faults, { force: true });
  expected.advance();
  const there = shown();
  if (there !== before && there !== expected.show().join('\n')) {
    wrong.push(`after step ${expected.steps - 1} the store holds neither what was there before it nor after it`);
    break;
  }
  // The plan continues from the present state.
  if (there !== expected.show().join('\n')) break;
}
const found = store.check().filter(({ code }) => code !== 'orphan');
if (found.length > 0) wrong.push(`check() found ${JSON.stringify(found).slice(0, 300)}`);
store.close();
console.log(JSON.stringify({ refused, wrong }));
