/**
 * In the package, imports of `electron` lead here (rolldown.config.ts). Outside of Electron the module `electron` is only the path of a program:
 * importing a name from it would be a syntax error that doesn't say what to use instead.
 */
import * as electron from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';

if (electron.app === undefined)
  throw new DiskCacheError(
    'NOT_ALLOWED',
    "deskcache/main runs in Electron's main process only. In a test use testHost of deskcache/testing; in plain Node deskcache/engine; in a page deskcache/renderer",
  );

export const { app, BrowserWindow, MessageChannelMain, net, protocol, session, utilityProcess, webContents } = electron;
