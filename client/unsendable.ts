import { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
import { loadPart } from './on-demand.ts';

/** What the message says: `${place}${called}.part is a function; ${remedy}`. */
interface RejectedArgument {
  readonly value: unknown;
  readonly name: string;
  readonly prefix: string | undefined;
  readonly remedy: string | undefined;
}

/** Says which argument can't be sent. Which part of it is at fault is found by code that is loaded for it (faults.ts). */
export class UnsendableArgumentError extends DiskCacheError {
  readonly rejected: RejectedArgument;

  constructor(code: ErrorCode, rejected: RejectedArgument) {
    super(
      code,
      formatRejection(rejected, `${rejected.name} holds what can't be sent, as a function or an instance of a class`),
    );
    this.rejected = rejected;
  }
}

export const formatRejection = ({ prefix = '', remedy }: RejectedArgument, fault: string): string =>
  prefix + (remedy === undefined ? fault : `${fault}; ${remedy}`);

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
