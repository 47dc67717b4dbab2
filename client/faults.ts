import { findValueFault } from '../protocol/clone-check.ts';
import { DiskCacheError } from '../protocol/error.ts';
import { findKeyFault } from '../protocol/key.ts';
import { formatRejection, type UnsendableArgumentError } from './wire-arguments.ts';

/**
 * The error with the path and the nature of the part that can't be sent: `value.user.avatar is a Blob`. Undefined where the argument was
 * changed meanwhile and nothing is wrong with it any more. Loaded with the first such error.
 */
export function locateFault({ code, rejected }: UnsendableArgumentError): DiskCacheError | undefined {
  const { value, name } = rejected;
  const fault = (code === 'BAD_KEY' ? findKeyFault(value) : undefined) ?? findValueFault(value, name);
  return fault === undefined ? undefined : new DiskCacheError(code, formatRejection(rejected, fault));
}
