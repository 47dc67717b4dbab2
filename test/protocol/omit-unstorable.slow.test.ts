import { expect, it } from 'vitest';
import { omitUnstorable } from '../../protocol/index.ts';
import { errorMatching } from '../matchers.ts';

it('a structure whose getters never end is refused, and a large one is not', () => {
  const endless = (): object => new Proxy({ a: 1, b: 2 }, { get: endless });
  expect(() => omitUnstorable(endless())).toThrow(errorMatching('TOO_LARGE', 'no end'));
  const numbers = { list: Array.from({ length: 2 ** 21 }, (_, n) => n), f() {} };
  expect(omitUnstorable(numbers).list.length).toBe(2 ** 21);
});
