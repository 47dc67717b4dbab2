import { DiskCacheError } from '../../../protocol/error.ts';
import { toPageErrorData, withoutDirectories } from '../../../protocol/hidden-paths.ts';
import type { Fault, Reply } from '../../../protocol/offline.ts';

/** Anything thrown, as data. As with `fetch`, whatever else than an error of ours or an abort it was, the page gets a `TypeError`. */
function toFault(error: unknown): Fault {
  if (error instanceof DiskCacheError) return toPageErrorData(error);
  if (error instanceof DOMException) return { exception: error.name, message: withoutDirectories(error.message) };
  if (!(error instanceof Error)) return { exception: 'TypeError', message: withoutDirectories(String(error)) };
  const { message, cause } = error;
  const more = cause instanceof Error && !message.includes(cause.message) ? `: ${cause.message}` : '';
  return { exception: 'TypeError', message: withoutDirectories(message + more) };
}

export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new TypeError(String(thrown)));

export async function replyOf<T>(work: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { fault: toFault(error) };
  }
}
