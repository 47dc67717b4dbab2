/** Main's side of utility processes in the contract test. */
import { join } from 'node:path';
import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import type { AppCommand } from './app-command.ts';
import { describeValue, SAMPLES } from './sample-values.ts';

let child: UtilityProcess;
let childEvents: string[] = [];

/** Gives the child a port. */
export const sendPortToChild = (port: MessagePortMain): void => child.postMessage('a port', [port]);

export const UTILITY_COMMANDS: Readonly<Record<string, AppCommand>> = {
  fork: (...args) => {
    childEvents = [];
    child = utilityProcess.fork(join(import.meta.dirname, 'child.js'), args, { serviceName: 'Child' });
    child.on('spawn', () => childEvents.push('spawn'));
    child.on('message', (message) => childEvents.push(typeof message === 'string' ? message : describeValue(message)));
    child.on('exit', (code) => childEvents.push(`exit ${code}`));
    child.postMessage('before it runs');
  },
  fromChild: () => childEvents,
  tellChild: (text) => child.postMessage(text),
  postToChild: (name) => child.postMessage(SAMPLES[name!]),
  postUnclonableToChild: () => child.postMessage(() => {}),
  killChild: () => child.kill(),
};
