import { findValueFault } from '../protocol/clone-check.ts';
import { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
import { findKeyFault } from '../protocol/key.ts';
import { KEY_PARTS_HINT } from '../protocol/key-limits.ts';
import type { UnsendableArgumentError } from './wire-arguments.ts';

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  BAD_KEY: `; ${KEY_PARTS_HINT}`,
  BAD_VALUE: '; store plain data instead',
};

/**
 * Returns the error with the path and type of the part that can't be sent: `value.user.avatar is a Blob`. Undefined if the argument was
 * changed in the meantime and has no fault any more. A file of its own, because pages load it, and the checks behind it, with the first such
 * error.
 */
export function locateFault({ code, rejected }: UnsendableArgumentError): DiskCacheError | undefined {
  const { value, name, prefix } = rejected;
  const fault = (code === 'BAD_KEY' ? findKeyFault(value) : undefined) ?? findValueFault(value, name);
  return fault === undefined ? undefined : new DiskCacheError(code, prefix + fault + (REMEDIES[code] ?? ''));
}

export const createFunctionError = (method: string): DiskCacheError =>
  new DiskCacheError(
    'BAD_OPTION',
    `${method} takes a function, which can't be sent to the main process; use batch([steps])`,
  );

const WHY_NOT_CONNECTED = {
  window:
    'deskcache/renderer needs a page. Use host.stores in the main process, deskcache/engine in Node, deskcache/testing in a test; a worker asks its page',
  preload:
    'No preload script of deskcache runs here. Open the window after host.install(session), or with preloadPath as webPreferences.preload; an iframe needs nodeIntegrationInSubFrames; a test attaches the window to its host, by t.attach(window) of deskcache/testing',
  answer:
    'The main process did not answer. Is its host open, and was this window opened after host.install(session), or host.attach?',
} as const;

/** What is missing in a page that can't connect. */
export type MissingForConnection = keyof typeof WHY_NOT_CONNECTED;

/** Creates the error of a page that can't connect, which says what to do. */
export const createConnectError = (missing: MissingForConnection): DiskCacheError =>
  new DiskCacheError('DISCONNECTED', WHY_NOT_CONNECTED[missing]);
