import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Deque, type DequeOptions } from '../../main/engine/index.ts';
import { createStep, type SequenceModel, value } from './sequence-walk.ts';

const values = fc.array(value, { maxLength: 6 });
const index = fc.integer({ min: -14, max: 14 });

/** An array of limited length: values beyond it are dropped from the other end. */
export const createDequeModel = (maxLength: number, options: DequeOptions = {}): SequenceModel<Deque, unknown[]> => {
  /** Replaces the content of the array, up to its maximum length. */
  const trimmed = (wanted: readonly unknown[], leaving: 'front' | 'back', array: unknown[]): number => {
    const surplus = Math.max(0, wanted.length - maxLength);
    array.splice(
      0,
      array.length,
      ...(leaving === 'front' ? wanted.slice(surplus) : wanted.slice(0, wanted.length - surplus)),
    );
    return array.length;
  };
  const replace = (array: unknown[], at: number, wanted: unknown): undefined => {
    array[whole(array, at)] = wanted;
  };
  const whole = (array: readonly unknown[], at: number) => (at < 0 ? at + array.length : at);
  const equalTo = (wanted: unknown) => (it: unknown) => isDeepStrictEqual(it, wanted);
  const of = createStep<Deque, unknown[]>;
  const rotate = (array: unknown[], count: number): void => {
    const steps = array.length === 0 ? 0 : ((count % array.length) + array.length) % array.length;
    array.unshift(...array.splice(array.length - steps, steps));
  };
  const placed = (length: number, at: number) => at >= -length && at < length;
  return {
    open: (directory) => new Deque(directory, { maxLength, durability: 'process', fileThreshold: 100, ...options }),
    plain: () => [],
    copy: (array) => [...array],
    same: (deque, array) => deque.length === array.length && isDeepStrictEqual([...deque], array),
    step: fc.oneof(
      values.map((all) =>
        of(
          'push',
          (it, ...v) => it.push(...v),
          (it, ...v) => trimmed(it.concat(v), 'front', it),
        )(all),
      ),
      values.map((all) =>
        of(
          'unshift',
          (it, ...v) => it.unshift(...v),
          (it, ...v) => trimmed([...v, ...it], 'back', it),
        )(all),
      ),
      values.map((all) =>
        of(
          'extend',
          (it, ...v) => it.extend(v),
          (it, ...v) => trimmed(it.concat(v), 'front', it),
        )(all),
      ),
      fc.constantFrom(
        of(
          'pop',
          (it) => it.pop(),
          (it) => it.pop(),
        )([]),
        of(
          'shift',
          (it) => it.shift(),
          (it) => it.shift(),
        )([]),
        of(
          'reverse',
          (it) => it.reverse(),
          (it) => void it.reverse(),
        )([]),
        of(
          'reversed',
          (it) => [...it.reversed()],
          (it) => it.toReversed(),
        )([]),
        of(
          'peek',
          (it) => [it.peek(), it.peek({ side: 'back' })],
          (it) => [it[0], it.at(-1)],
        )([]),
      ),
      index.map((n) =>
        of(
          'rotate',
          (it, by: number) => it.rotate(by),
          (it, by: number) => rotate(it, by),
        )([n]),
      ),
      index.map((n) =>
        of(
          'at',
          (it, at: number) => it.at(at),
          (it, at: number) => it.at(at),
        )([n]),
      ),
      index.map((n) =>
        of(
          'delete',
          (it, at: number) => it.delete(at),
          (it, at: number) => placed(it.length, at) && it.splice(whole(it, at), 1).length === 1,
        )([n]),
      ),
      fc.tuple(index, index).map((args) =>
        of(
          'splice',
          (it, start: number, count: number) => it.splice(start, count),
          (it, start: number, count: number) => it.splice(start, count),
        )(args),
      ),
      fc.tuple(index, value).map((args) =>
        of(
          'set',
          (it, at: number, v: unknown) => placed(it.length, at) && it.set(at, v),
          (it, at: number, v: unknown) => placed(it.length, at) && replace(it, at, v),
        )(args),
      ),
      value.map((v) =>
        of(
          'remove',
          (it, wanted) => it.remove(wanted),
          (it, wanted) => {
            const found = it.findIndex(equalTo(wanted));
            return found >= 0 && it.splice(found, 1).length === 1;
          },
        )([v]),
      ),
      value.map((v) =>
        of(
          'search',
          (it, wanted) => [it.indexOf(wanted), it.indexOf(wanted, 2), it.includes(wanted), it.count(wanted)],
          (it, wanted) => {
            const found = it.findIndex(equalTo(wanted));
            const later = it.findIndex((each, n) => n >= 2 && equalTo(wanted)(each));
            return [found, later, found >= 0, it.filter(equalTo(wanted)).length];
          },
        )([v]),
      ),
    ),
  };
};
