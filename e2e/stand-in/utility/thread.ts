/** The first thing that runs on the thread of a utility process: gives it `process.parentPort`, then runs its module. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { type FromMain, ParentPort, type UtilityData } from './parent-port.ts';

const { modulePath } = workerData as UtilityData;
const fromParent = new ParentPort((crossed) => parentPort!.postMessage(crossed, crossed.ports));

parentPort!.on('message', (message: FromMain) => {
  // As close as a thread comes to a signal: it ends when what runs is done. Electron calls the end it was asked for 0.
  if (message === 'kill') process.exit(0);
  else fromParent.receive(message);
});
registerHooks({
  resolve(specifier, context, next) {
    if (/^electron(\/|$)/.test(specifier)) throw new Error(`stand-in: a utility process has no "${specifier}" here`);
    return next(specifier, context);
  },
});
Object.defineProperty(process, 'parentPort', { value: fromParent });
process.argv[1] = modulePath;
await import(pathToFileURL(modulePath).href);
