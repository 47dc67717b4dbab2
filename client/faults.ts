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
