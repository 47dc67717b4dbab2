import { networkInterfaces } from 'node:os';
import type * as Electron from 'electron';
import type { Mirror } from '../mirror.ts';
import { strictly } from '../strict.ts';
import { session } from './session.ts';

const face: Mirror<Electron.Net, 'fetch' | 'isOnline'> = {
  fetch: (input, init) => session.defaultSession.fetch(input, init),
  isOnline: () =>
    Object.values(networkInterfaces())
      .flat()
      .some((address) => address?.internal === false),
};

export const net = strictly('net', face);
