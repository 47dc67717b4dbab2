/**
 * The preload script of windows with `ready`, by which a page gets settings in its first line. It runs sandboxed and isolated. It exposes one
 * function, which takes the name of a store and returns plain data (protocol/handshake.ts).
 */
import { contextBridge, ipcRenderer } from 'electron';
import {
  READY_CHANNEL,
  READY_KEY,
  type ReadyAnswer,
  type ReadyFunction,
  type ReadyRefusal,
} from '../protocol/handshake.ts';

const askMain: ReadyFunction = (store) => {
  const { value, error } = Object(ipcRenderer.sendSync(READY_CHANNEL, store)) as Partial<ReadyAnswer & ReadyRefusal>;
  return value === undefined ? error : new Map([[store, value]]);
};

// A subframe gets nothing; main refuses it, too.
if (window.parent === window) {
  if (process.contextIsolated) contextBridge.exposeInMainWorld(READY_KEY, askMain);
  else Object.defineProperty(window, READY_KEY, { value: askMain });
}
