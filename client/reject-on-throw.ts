import { DiskCacheError } from '../protocol/error.ts';
import { loadPart } from './on-demand.ts';
import { UnsendableArgumentError } from './wire-arguments.ts';

/** An iterator, a getter or a proxy has thrown. */
const UNREADABLE_ARGUMENT = "An argument can't be read; its cause says why";

/** What a call gives. What is thrown before there is a promise rejects it, and names the part of an argument that is at fault. */
export function rejectOnThrow<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return rejectWith(error);
  }
}

async function rejectWith(error: unknown): Promise<never> {
  if (!(error instanceof DiskCacheError)) throw new DiskCacheError('BAD_OPTION', UNREADABLE_ARGUMENT, { cause: error });
  if (!(error instanceof UnsendableArgumentError)) throw error;
  // Without that part the message is less precise, and still true.
  const faults = await loadPart('faults', () => import('./faults.ts')).catch(() => undefined);
  throw faults?.locateFault(error) ?? error;
}
