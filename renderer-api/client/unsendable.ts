import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { loadPart } from './on-demand.ts';

/** What the message says: `${before}${called}.part is a function; ${remedy}`. */
interface Rejected {
  readonly value: unknown;
  readonly called: string;
  readonly before: string | undefined;
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

  /** The same, where the argument is one of many. */
  within(place: string): Unsendable {
    return new Unsendable(this.code, { ...this.rejected, before: place + (this.rejected.before ?? '') });
  }
}

export const toMessage = ({ before = '', remedy }: Rejected, fault: string): string =>
  before + (remedy === undefined ? fault : `${fault}; ${remedy}`);

/** What a call gives. What is thrown before there is a promise rejects it, and names the part of an argument that is at fault. */
export function attempt<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return rejectWith(error);
  }
}

async function rejectWith(error: unknown): Promise<never> {
  if (!(error instanceof Unsendable)) throw error;
  // Without that part the message is less precise, and still true.
  const faults = await loadPart('faults', () => import('./faults.ts')).catch(() => undefined);
  throw faults?.toNamed(error) ?? error;
}
