/** The first thing that runs in a utility process: gives it `process.parentPort`, then runs its module. */
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { emulateElectron } from '../electron-version.ts';
import { ParentPort } from './parent-port.ts';
import { UtilityLink } from './utility-link.ts';

/** The descriptor of the connection to the main process. */
const CONNECTION_FD = 3;

// Electron's own argv: the runtime, the module, its arguments.
process.argv.splice(1, 1);
emulateElectron('utility');

const socket = new Socket({ fd: CONNECTION_FD });
// When the main process is gone, so is this one: at once and without a last word, as Chromium ends its children.
const exitNow = () => process.kill(process.pid, 'SIGKILL');
socket.on('error', exitNow);
socket.on('close', exitNow);
// A module that is busy doesn't hear of it: a thread looks whether the parent is still the same.
const WATCHDOG_SCRIPT = `
const { workerData } = require('node:worker_threads');
setInterval(() => process.ppid === workerData || process.kill(process.pid, 'SIGKILL'), 500);
`;
new Worker(WATCHDOG_SCRIPT, { eval: true, workerData: process.ppid, execArgv: [] }).unref();
const parentPort: ParentPort = new ParentPort((message) => link.post(message));
const link = new UtilityLink(socket, 'utility', (message) => parentPort.receive(message));
Object.defineProperty(process, 'parentPort', { value: parentPort, enumerable: true });

registerHooks({
  resolve(specifier, context, next) {
    if (/^electron(\/|$)/.test(specifier)) throw new Error(`stand-in: a utility process has no "${specifier}" here`);
    return next(specifier, context);
  },
});
await import(pathToFileURL(process.argv[1]!).href);
