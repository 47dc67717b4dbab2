import { ValueWalk } from './value-walk.ts';

/**
 * What gives a value back deeply equal: `'json'` (and structured clone too), or `'clone'` alone. A fault is the path and
 * nature of the part that nothing would give back.
 */
export type Verdict = 'json' | 'clone' | { readonly fault: string };

/**
 * Why a value can't be stored, with the path to the offending part (`value.user.avatar is a Blob`); undefined when it can.
 * O(size of the value); bytes are not looked at one by one.
 */
export function valueFault(value: unknown, root = 'value'): string | undefined {
  const verdict = judge(value, root);
  return typeof verdict === 'object' ? verdict.fault : undefined;
}

/**
 * One walk over a value. With `jsonOnly` everything that JSON can't hold is a fault; without, it only rules JSON out.
 * Every part that is an object is visited once, however often it is referred to.
 */
export function judge(value: unknown, root = 'value', jsonOnly = false): Verdict {
  const walk = new ValueWalk(jsonOnly);
  if (!walk.start(value)) return { fault: root + walk.path() + walk.complaint };
  if (jsonOnly && !walk.json) return { fault: `${root} would be changed by the toJSON on a built-in prototype` };
  return walk.json ? 'json' : 'clone';
}
