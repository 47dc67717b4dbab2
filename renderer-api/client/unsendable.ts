import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { loadPart } from './on-demand.ts';

/** What the message says: `${place}${called}.part is a function; ${remedy}`. */
interface Rejected {
  readonly value: unknown;
  readonly called: string;
  readonly place: string | undefined;
  readonly remedy: string | undefined;
}

/** Says which argument can't be sent. Which part of it is at fault is found by code that is loaded for it (faults.ts). */
export class Unsendable extends DiskCacheError {
  readonly rejected: Rejected;

  constructor(code: ErrorCode, rejected: Rejected) {
    super(
      code,
      toMessage(rejected, `${rejected.called} holds what can't be sent, as a function or an instance of a class`),
    );
    this.rejected = rejected;
  }
}

export const toMessage = ({ place = '', remedy }: Rejected, fault: string): string =>
  place + (remedy === undefined ? fault : `${fault}; ${remedy}`);

/** An iterator, a getter or a proxy has thrown. */
const UNREADABLE = "An argument can't be read; its cause says why";

/** What a call gives. What is thrown before there is a promise rejects it, and names the part of an argument that is at fault. */
export function attempt<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return rejectWith(error);
  }
}

async function rejectWith(error: unknown): Promise<never> {
  if (!(error instanceof DiskCacheError)) throw new DiskCacheError('BAD_OPTION', UNREADABLE, { cause: error });
  if (!(error instanceof Unsendable)) throw error;
  // Without that part the message is less precise, and still true.
  const faults = await loadPart('faults', () => import('./faults.ts')).catch(() => undefined);
  throw faults?.toNamed(error) ?? error;
}
