import { EventEmitter } from 'node:events';
import { encodeValue } from '../encode-value.ts';
import { guardMembers } from '../unknown-member-guard.ts';
import { clone } from './clone.ts';
import type { PageDocument } from './page-document.ts';

/** Messages of all windows. No `handle`: the strict proxy says so. */
export const ipcMain = guardMembers('ipcMain', new EventEmitter());

/** Emits a message of a page first in its window, then for all windows. Returns whether anything has listened. */
export function emitIpc(ofWindow: EventEmitter, channel: string, ...args: readonly unknown[]): boolean {
  const isHeard = ofWindow.emit(channel, ...args);
  return ipcMain.emit(channel, ...args) || isHeard;
}

/** The event of a synchronous message. As in Electron, the first value that is set is the answer; reading it gives nothing. */
export function withReturnValue<T extends object>(event: T, document: PageDocument): T {
  let isAnswered = false;
  document.stand();
  return Object.defineProperty(event, 'returnValue', {
    get: () => undefined,
    set(value: unknown) {
      const text = encodeValue(clone(value));
      if (!isAnswered) void document.answer({ value: text });
      isAnswered = true;
    },
  });
}
