import fc from 'fast-check';
import type { Key } from '../../protocol/key.ts';
import { keys } from '../values/key-model.ts';

/** File threshold in bytes: small, so that many values are in files. */
export const FILE_THRESHOLD = 256;

/** Keys that are nearly equal, or equal although they look different. */
const NEIGHBOURS: readonly Key[] = [
  ...['', 'a', 'A', 'a\0', 'ab', 'é', 'e\u0301', '1', '\uffff', '\u{10ffff}', '__proto__'],
  ...[0, -0, 1, 1.5, -1, 1n, -1n, 2 ** 53, 2n ** 53n, 2n ** 64n, Number.NaN, Number.POSITIVE_INFINITY],
  ...[true, false, null, new Date(1), new Date(0), new Uint8Array(0), Uint8Array.of(1), Uint8Array.of(1, 0)],
  ...[[], [1], ['1'], [[1]], [-0], [0], [null], ['user'], ['user', 42], ['user', 42, 'z'], ['user', 420]],
  ...[{}, { a: 1 }, { a: 1, b: 2 }, { b: 2, a: 1 }, { a: { b: [] } }],
  // The first numbers of the queues.
  ...[500_000_000_000_000, 500_000_000_000_001, 499_999_999_999_999, ['jobs', 500_000_000_000_000]],
  ...[
    ['', 500_000_000_000_000],
    ['jobs', 'urgent', 500_000_000_000_001],
  ],
];

/** Keys that are used often, in direct succession. */
const FAVOURITES: readonly Key[] = ['a', 1, ['user', 42], 500_000_000_000_000, ['jobs', 500_000_000_000_000]];

export const someKey: fc.Arbitrary<Key> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...FAVOURITES) },
  { weight: 15, arbitrary: fc.constantFrom(...NEIGHBOURS) },
  { weight: 1, arbitrary: keys },
);

const text = (length: number): string => 'text '.repeat(length / 5 + 1).slice(0, length);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 7);

const LARGE: readonly unknown[] = [
  ...[text(FILE_THRESHOLD - 1), text(FILE_THRESHOLD), text(FILE_THRESHOLD + 1), text(3000)],
  ...[bytes(FILE_THRESHOLD - 1), bytes(FILE_THRESHOLD), bytes(5000), bytes(70_000)],
  { list: Array.from({ length: 100 }, (_, index) => ({ index })) },
];

const SMALL: readonly unknown[] = [
  ...[undefined, null, true, Number.NaN, -0, 1n, '', '\0', 'text', new Date(5), new Uint8Array(0), bytes(4)],
  ...[[], {}, { a: [undefined, { b: -0 }] }, new Map([[1, { a: 2 }]]), new Set(['a'])],
];

export const someValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: fc.integer() },
  { weight: 8, arbitrary: fc.constantFrom(...SMALL) },
  { weight: 4, arbitrary: fc.constantFrom(...LARGE) },
  { weight: 1, arbitrary: fc.constant(() => 'no value') },
);
