import { findValueFault } from '../protocol/clone-check.ts';
import { DiskCacheError } from '../protocol/error.ts';
import { findKeyFault } from '../protocol/key.ts';
import { formatRejection, type UnsendableArgumentError } from './wire-arguments.ts';

/**
 * Returns the error with the path and type of the part that can't be sent: `value.user.avatar is a Blob`. Undefined if the argument was
 * changed in the meantime and has no fault any more. A file of its own, because pages load it, and the checks behind it, with the first such
 * error.
 */
export function locateFault({ code, rejected }: UnsendableArgumentError): DiskCacheError | undefined {
  const { value, name } = rejected;
  const fault = (code === 'BAD_KEY' ? findKeyFault(value) : undefined) ?? findValueFault(value, name);
  return fault === undefined ? undefined : new DiskCacheError(code, formatRejection(rejected, fault));
}

export const createFunctionError = (method: string): DiskCacheError =>
  new DiskCacheError(
    'BAD_OPTION',
    `${method} takes a function, which can't be sent to the main process; use batch([steps])`,
  );

const WHY_NOT_CONNECTED = {
  window:
    'deskcache/renderer needs a page. Use host.stores in the main process, deskcache/engine in Node; a worker asks its page',
  preload:
    'No preload script of deskcache runs here. Open the window after host.install(session), or with preloadPath as webPreferences.preload; an iframe needs nodeIntegrationInSubFrames',
  answer:
    'The main process did not answer. Is its host open, and was this window opened after host.install(session), or host.attach?',
} as const;

/** What a page lacks that can't connect. */
export type MissingForConnection = keyof typeof WHY_NOT_CONNECTED;

/** Returns the error of a page that can't connect, with what to do. */
export const createConnectError = (missing: MissingForConnection): DiskCacheError =>
  new DiskCacheError('DISCONNECTED', WHY_NOT_CONNECTED[missing]);
