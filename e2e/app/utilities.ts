/** Main's side of utility processes in the contract test. */
import { join } from 'node:path';
import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import type { Command } from './commands.ts';
import { describe, SAMPLES } from './samples.ts';

let child: UtilityProcess;
let heard: string[] = [];

/** Gives the child a port. */
export const handToChild = (port: MessagePortMain): void => child.postMessage('a port', [port]);

export const UTILITY_COMMANDS: Readonly<Record<string, Command>> = {
  fork: (...args) => {
    heard = [];
    child = utilityProcess.fork(join(import.meta.dirname, 'child.js'), args, { serviceName: 'Child' });
    child.on('spawn', () => heard.push('spawn'));
    child.on('message', (message) => heard.push(typeof message === 'string' ? message : describe(message)));
    child.on('exit', (code) => heard.push(`exit ${code}`));
    child.postMessage('before it runs');
  },
  fromChild: () => heard,
  tellChild: (text) => child.postMessage(text),
  postToChild: (name) => child.postMessage(SAMPLES[name!]),
  postUnclonableToChild: () => child.postMessage(() => {}),
  killChild: () => child.kill(),
};
