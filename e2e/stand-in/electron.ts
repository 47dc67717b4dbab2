/**
 * The module `electron` of the main process in the stand-in. A name that is not exported here fails at the import, with its
 * name. `e2e/stand-in/README.md` says what there is and where it differs.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { emulateElectron } from './electron-version.ts';
import { app } from './main/app.ts';
import { BrowserWindow } from './main/browser-window.ts';
import { utilityProcess } from './main/fork-utility.ts';
import { ipcMain } from './main/ipc-main.ts';
import { MessageChannelMain, MessagePortMain } from './main/message-port-main.ts';
import { net } from './main/net.ts';
import { protocol, session } from './main/session.ts';
import { webContents } from './main/web-contents-list.ts';
import { guardMembers } from './unknown-member-guard.ts';

emulateElectron('browser');

// As in Electron: ready when the main module has run to its end. One that awaits that at its top level waits for itself, and Node ends it.
// Of a folder it is the file that its package.json names.
import(pathToFileURL(createRequire(import.meta.url).resolve(process.argv[1]!)).href).then(
  () =>
    app.start().catch((error: Error) => {
      console.error(`stand-in: ${error.message}`);
      process.exit(1);
    }),
  () => {}, // what it has thrown Node says itself
);

export {
  app,
  BrowserWindow,
  ipcMain,
  MessageChannelMain,
  MessagePortMain,
  net,
  protocol,
  session,
  utilityProcess,
  webContents,
};
export default guardMembers('electron', {
  app,
  BrowserWindow,
  ipcMain,
  MessageChannelMain,
  MessagePortMain,
  net,
  protocol,
  session,
  utilityProcess,
  webContents,
});
