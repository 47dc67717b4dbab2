import { DiskCacheError } from '../../protocol/error.ts';
import { keyFault } from '../../protocol/key.ts';
import { valueFault } from '../../protocol/value.ts';
import { toMessage, type Unsendable } from './unsendable.ts';

/**
 * The error with the path and the nature of the part that can't be sent: `value.user.avatar is a Blob`. Undefined where the argument was
 * changed meanwhile and nothing is wrong with it any more. Loaded with the first such error.
 */
export function toNamed({ code, rejected }: Unsendable): DiskCacheError | undefined {
  const { value, called } = rejected;
  const fault = (code === 'BAD_KEY' ? keyFault(value) : undefined) ?? valueFault(value, called);
  return fault === undefined ? undefined : new DiskCacheError(code, toMessage(rejected, fault));
}
