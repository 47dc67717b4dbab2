import { ValueWalk } from './value-walk.ts';

/**
 * Why a value can't be stored, with the path to the offending part (`value.user.avatar is a Blob`); undefined when it can. Never throws.
 * O(size of the value); bytes are not looked at one by one.
 */
export function valueFault(value: unknown, root = 'value', walk = new ValueWalk()): string | undefined {
  return walk.start(value) ? undefined : root + walk.path() + walk.complaint;
}
