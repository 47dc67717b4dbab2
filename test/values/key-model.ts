import fc from 'fast-check';
import type { Key } from '../../protocol/key.ts';

/** The documented order of keys, implemented independently of their encoding. */
export function compareKeys(a: Key, b: Key): number {
  const difference = getTypeRank(a) - getTypeRank(b);
  if (difference !== 0) return difference;
  if (typeof a === 'string')
    return compareLists([...a].map(codePoint), [...(b as string)].map(codePoint), compareNumbers);
  if (typeof a === 'number' || typeof a === 'bigint')
    return getTypeRank(a) === RANK_OF_NAN ? 0 : compareNumbers(a, b as number);
  if (a === null || typeof a === 'boolean') return 0;
  if (a instanceof Date) return compareNumbers(a.getTime(), (b as Date).getTime());
  if (a instanceof Uint8Array) return compareLists([...a], [...(b as Uint8Array)], compareNumbers);
  if (Array.isArray(a)) return compareLists(a as Key[], b as Key[], compareKeys);
  return compareLists(pairs(a as Record<string, Key>), pairs(b as Record<string, Key>), compareKeys);
}

const RANK_OF_NAN = 2;

function getTypeRank(key: Key): number {
  if (typeof key === 'number') return Number.isNaN(key) ? RANK_OF_NAN : 0;
  if (typeof key === 'string') return 1;
  if (key === null) return 3;
  if (typeof key === 'boolean') return key ? 5 : 4;
  if (typeof key === 'bigint') return 6;
  if (key instanceof Date) return 7;
  if (key instanceof Uint8Array) return 8;
  return Array.isArray(key) ? 9 : 10;
}

const codePoint = (character: string): number => character.codePointAt(0) as number;
const compareNumbers = (a: number | bigint, b: number | bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const pairs = (record: Record<string, Key>): Key[] =>
  Object.keys(record)
    .sort()
    .flatMap((name) => [name, record[name] as Key]);

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const difference = compare(a[index] as T, b[index] as T);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom('\0', '\u0001', 'a', '\u007f', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'),
    maxLength: 4,
  }),
  fc.constantFrom('', '__proto__', 'constructor', 'toString'),
);

const numbers = fc.oneof(
  fc.double(),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(
    -0,
    NaN,
    Infinity,
    -Infinity,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    Number.MAX_VALUE,
    2 ** 53,
    2 ** 53 + 2,
  ),
);

const bigints = fc.oneof(
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.constantFrom(2n ** 63n, 2n ** 64n, 255n, 256n, -255n, -256n, 2n ** 2048n, -(2n ** 2048n)),
);

const bytes = fc.uint8Array({ maxLength: 5 }).chain((array) => fc.constantFrom(array, Uint8Array.of(0, ...array, 255)));

/** Keys of every kind, small enough for two of them to be equal or nearly equal often. */
export const keys: fc.Arbitrary<Key> = fc.letrec<{ key: Key; leaf: Key }>((tie) => ({
  leaf: fc.oneof(
    texts,
    numbers,
    bigints,
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.constantFrom(new Date(0), new Date(1), new Date(-1)),
    bytes,
  ),
  key: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('key'), { maxLength: 3 }),
    fc.dictionary(texts, tie('key'), { maxKeys: 3, noNullPrototype: true }),
    fc.array(fc.constantFrom(1, 'a', null), { maxLength: 3 }),
  ),
})).key;

export { texts };
