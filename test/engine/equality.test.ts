import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEqual } from '../../main/engine/values/equality.ts';

const leaf = fc.oneof(
  fc.constantFrom(0, -0, Number.NaN, 1, '', 'a', 'b', true, null, undefined, 1n),
  fc.constantFrom(0, 1).map((time) => new Date(time)),
  fc.constantFrom(/a/, /a/g),
  fc.constantFrom([1], [2]).map((bytes) => new Uint8Array(bytes)),
  fc.constantFrom('a', 'b').map((message) => new Error(message)),
  fc.constantFrom('a', 'b').map((text) => Object(text) as object),
);

/** Few leaves, so that values are often equal, or nearly. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__x'), tie('value'), { maxKeys: 2 }),
    fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).map((entries) => new Map(entries)),
    tie('value').map((cause) => new Error('e', { cause })),
    // biome-ignore lint/suspicious/noSparseArray: a hole is not undefined
    fc.constantFrom([, 1], [undefined, 1], Object.assign([1], { named: 1 })),
  ),
}));

/** The same with sets, maps and properties in the other order. */
function reorderMembers(part: unknown): unknown {
  if (part instanceof Set) return new Set([...part].map(reorderMembers).reverse());
  if (part instanceof Map)
    return new Map([...part].map(([key, of]) => [reorderMembers(key), reorderMembers(of)] as const).reverse());
  if (Array.isArray(part)) return part.map(reorderMembers);
  if (part === null || part === undefined || Object.getPrototypeOf(Object(part)) !== Object.prototype) return part;
  return Object.fromEntries(
    Object.entries(part as object)
      .map(([name, of]) => [name, reorderMembers(of)])
      .reverse(),
  );
}

/** Puts a new array into another one. */
function push(into: unknown[]): unknown[] {
  const inner: unknown[] = [];
  into.push(inner);
  return inner;
}

describe('deep equality', () => {
  it('is that of util.isDeepStrictEqual', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(isEqual(one, other)).toBe(isDeepStrictEqual(one, other));
      }),
      { numRuns: 3000 },
    );
  });

  it('asks for no order of members and properties', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(isEqual(one, reorderMembers(structuredClone(one)))).toBe(
          isDeepStrictEqual(one, reorderMembers(structuredClone(one))),
        );
        expect(isEqual(one, structuredClone(one))).toBe(isDeepStrictEqual(one, structuredClone(one)));
      }),
      { numRuns: 2000 },
    );
  });

  it('matches members that are equal to several of the other side', () => {
    const pair = (value: unknown) => new Map([[{ same: 1 }, value]].concat([[{ same: 1 }, 'b']] as never) as never);
    expect(isEqual(pair('a'), pair('a'))).toBe(true);
    expect(isEqual(pair('a'), pair('b'))).toBe(false);
    expect(isEqual(new Set([{}, {}, { a: 1 }]), new Set([{}, { a: 1 }, { a: 1 }]))).toBe(false);
  });

  it('compares graphs in which objects refer back, also as members of sets', () => {
    const ring = (length: number, last: unknown = 1) => {
      const first: unknown[] = [];
      let at = first;
      for (let step = 1; step < length; step++) at = push(at);
      at.push(first, last);
      return first;
    };
    expect(isEqual(ring(5), ring(5))).toBe(true);
    expect(isEqual(ring(5), ring(5, 2))).toBe(false);
    expect(isEqual(new Set([ring(3), ring(4, 2)]), new Set([ring(4, 2), ring(3)]))).toBe(true);
    expect(isEqual(new Set([ring(3), ring(4, 2)]), new Set([ring(4, 3), ring(3)]))).toBe(false);
  });

  it('keeps what a codec makes of stored values apart by class', () => {
    class Point {
      readonly x = 1;
    }
    expect(isEqual(new Point(), new Point())).toBe(true);
    expect(isEqual(new Point(), { x: 1 })).toBe(false);
  });
});

describe('deep equality ends', () => {
  /** All paths through it would be 2^depth. */
  const diamonds = (depth: number, seed: unknown) => {
    let part = seed;
    for (let level = 0; level < depth; level++) part = { left: part, right: part };
    return part;
  };
  const nodes = (count: number) => {
    const all: unknown[][] = Array.from({ length: count }, () => []);
    for (const [at, node] of all.entries()) node.push(...all.slice(0, at), ...all.slice(at + 1, at + 2));
    return [all.at(-1), all[0]];
  };
  const shuffled = (count: number, make: (n: number) => unknown) => {
    const members = Array.from({ length: count }, (_, n) => make(n));
    return [new Set(members), new Set(structuredClone(members).reverse())] as const;
  };

  it.each([
    ['what is referred to over and over', () => [diamonds(200, [1]), diamonds(200, [1])], true],
    ['the same with one difference', () => [diamonds(200, [1]), diamonds(200, [2])], false],
    ['graphs of which every node refers back to all others', () => [nodes(200), nodes(200)], true],
    ['sets of objects in another order', () => shuffled(5000, (n) => ({ n })), true],
    ['large sets in one order', () => [0, 1].map(() => new Set([...Array(50_000).keys()].map((n) => ({ n })))), true],
    ['sets of sets', () => shuffled(2000, (n) => new Set([new Set([{ n }]), { n }])), true],
    [
      'maps of objects',
      () => [0, 1].map((by) => new Map([...Array(2000).keys()].map((n) => [{ n: n ^ by }, [n ^ by]]))),
      true,
    ],
    ['sets in sets in sets', () => [0, 1].map(() => [...Array(500)].reduce((inner) => new Set([inner, {}]), {})), true],
    ['shared parts below sets', () => [0, 1].map(() => new Set([diamonds(200, new Set([{}])), {}])), true],
  ] as const)(
    'for %s',
    (_, make, equal) => {
      const [one, other] = make();
      expect(isEqual(one, other)).toBe(equal);
    },
    5000,
  );

  it('with TOO_LARGE for many members that refer back', () => {
    const ring = (n: number) => {
      const chain: unknown[] = [];
      let at = chain;
      for (let step = 0; step < 50; step++) at = push(at);
      at.push(chain, n);
      return chain;
    };
    const [one, other] = shuffled(2000, ring);
    expect(() => isEqual(one, other)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  }, 5000);

  it('with TOO_LARGE for very many members in another order', () => {
    const [one, other] = shuffled(200_000, (n) => ({ n }));
    expect(() => isEqual(one, other)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  }, 5000);
});
