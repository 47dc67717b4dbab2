/** Pushes values of 100 bytes into a new deque, in one of several ways. Arguments: directory, way, how many. */
import { Deque } from '../../main/engine/index.ts';
import { type PlainValue, VALUE_BYTES, Values } from './keys-and-values.ts';

/** How values come in. */
export const PUSH_METHODS = {
  'one by one': (deque, all) => {
    for (const value of all) deque.push(value);
  },
  'in a transaction': (deque, all) => {
    deque.transact(() => {
      for (const value of all) deque.push(value);
    });
  },
  'one push': (deque, all) => void deque.push(...all),
  extend: (deque, all) => void deque.extend(all),
} as const satisfies Readonly<Record<string, (deque: Deque<PlainValue>, all: readonly PlainValue[]) => void>>;

export type PushMethod = keyof typeof PUSH_METHODS;

if (import.meta.main) {
  const [directory = '', way, count] = process.argv.slice(2);
  const values = new Values('bytes', VALUE_BYTES);
  using deque = new Deque<PlainValue>(directory, { durability: 'power' });
  PUSH_METHODS[way as PushMethod](
    deque,
    Array.from({ length: Number(count) }, (_, index) => values.at(index)),
  );
  if (deque.length !== Number(count)) throw new Error(`There are ${deque.length} values`);
}
