/**
 * The module `electron` of the main process, as much of it as opening a host takes, without windows: the stand-in would start Chromium for
 * each of many runs. Utility processes and ports are the stand-in's.
 */
import { EventEmitter } from 'node:events';
import { MessageChannelMain } from '../../e2e/stand-in/main/message-port-main.ts';
import { UtilityProcess } from '../../e2e/stand-in/main/utility-process.ts';

const userData = process.argv.find((text) => text.startsWith('--user-data-dir='))!.slice('--user-data-dir='.length);

export const app = Object.assign(new EventEmitter(), {
  isPackaged: true,
  whenReady: async () => {},
  getPath: () => userData,
});

const preloadScripts = new Map<string, { readonly id: string; readonly filePath: string }>();

export const session = {
  defaultSession: {
    getPreloadScripts: () => [...preloadScripts.values()],
    registerPreloadScript: (script: { readonly id: string; readonly filePath: string }) =>
      void preloadScripts.set(script.id, script),
    unregisterPreloadScript: (id: string) => void preloadScripts.delete(id),
  },
};

export const utilityProcess = {
  fork: (modulePath: string, args: readonly string[]) => new UtilityProcess(modulePath, args),
};

export const net = {};
export const protocol = {};
/** No window was opened before the host. */
export const webContents = { getAllWebContents: () => [] };
/** Only the inspector opens a window. */
export class BrowserWindow {}
export { MessageChannelMain };
