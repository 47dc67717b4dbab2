import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Index, type IndexOptions } from '../../main/engine/index.ts';
import { createStep, type SequenceModel, value } from './sequence-walk.ts';

const key = fc.constantFrom<unknown>('a', 'b', 'c', 1, 2, 1n, Number.NaN, null, true, 'text');

export const createIndexModel = (options: IndexOptions = {}): SequenceModel<Index, Map<unknown, unknown>> => {
  const of = createStep<Index, Map<unknown, unknown>>;
  const taken = (map: Map<unknown, unknown>, entry: [unknown, unknown] | undefined) => {
    if (entry !== undefined) map.delete(entry[0]);
    return entry;
  };
  return {
    open: (directory) => new Index(directory, { durability: 'process', fileThreshold: 100, ...options }),
    plain: () => new Map(),
    copy: (map) => new Map(map),
    same: (real, map) =>
      real.size === map.size && isDeepStrictEqual([...real], [...map]) && real.equals(map as Map<never, never>),
    step: fc.oneof(
      fc.tuple(key, value).map((args) =>
        of(
          'set',
          (it, k: never, v) => it.set(k, v) === it,
          (it, k, v) => it.set(k, v) === it,
        )(args),
      ),
      fc.array(fc.tuple(key, value), { maxLength: 4 }).map((args) =>
        of(
          'setMany',
          (it, ...pairs: never[]) => it.setMany(pairs),
          (it, ...pairs: never[]) => {
            for (const [k, v] of pairs as [unknown, unknown][]) it.set(k, v);
          },
        )(args),
      ),
      key.map((k) =>
        of(
          'get',
          (it, k1: never) => [it.get(k1), it.has(k1)],
          (it, k1) => [it.get(k1), it.has(k1)],
        )([k]),
      ),
      key.map((k) =>
        of(
          'delete',
          (it, k1: never) => it.delete(k1),
          (it, k1) => it.delete(k1),
        )([k]),
      ),
      key.map((k) =>
        of(
          'pop',
          (it, k1: never) => it.pop(k1),
          (it, k1) => {
            const found = it.get(k1);
            it.delete(k1);
            return found;
          },
        )([k]),
      ),
      fc.tuple(key, value).map((args) =>
        of(
          'setDefault',
          (it, k: never, v) => it.setDefault(k, v),
          (it, k, v) => (it.has(k) ? it : it.set(k, v)).get(k),
        )(args),
      ),
      key.map((k) =>
        of(
          'update',
          (it, k1: never) => it.update(k1, (old) => [old]),
          (it, k1) => it.set(k1, [it.get(k1)]).get(k1),
        )([k]),
      ),
      fc.array(key, { maxLength: 4 }).map((keys) =>
        of(
          'deleteMany',
          (it, ...given: never[]) => [it.hasMany(given), it.deleteMany(given, { each: true }), it.deleteMany(given)],
          (it, ...given) => [given.map((k) => it.has(k)), given.map((k) => it.delete(k)), 0],
        )(keys),
      ),
      fc.constantFrom('', 'a', 'te').map((prefix) =>
        of(
          'deletePrefix',
          (it, start: string) => it.deletePrefix(start),
          (it, start: string) =>
            [...it.keys()].filter((k) => typeof k === 'string' && k.startsWith(start) && it.delete(k)).length,
        )([prefix]),
      ),
      fc.boolean().map((last) =>
        of(
          'popItem',
          (it, end: boolean) => it.popItem({ last: end }),
          (it, end: boolean) => taken(it, end ? [...it].at(-1) : [...it][0]),
        )([last]),
      ),
      fc.boolean().map((last) =>
        of(
          'peekItem',
          (it, end: boolean) => it.peekItem({ last: end }),
          (it, end: boolean) => (end ? [...it].at(-1) : [...it][0]),
        )([last]),
      ),
      fc.constantFrom(
        of(
          'keys',
          (it) => [[...it.keys()], [...it.values()]],
          (it) => [[...it.keys()], [...it.values()]],
        )([]),
        of(
          'backwards',
          (it) => [...it.entries({ reverse: true })],
          (it) => [...it].toReversed(),
        )([]),
        of(
          'clear',
          (it) => it.clear(),
          (it) => it.clear(),
        )([]),
      ),
    ),
  };
};
