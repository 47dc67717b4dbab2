import fc from 'fast-check';

/** Values of every type that a store keeps, with parts that occur twice. */
const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, 'a\ud800', new Date(Number.NaN), /a\/b/gu, Object(7)),
  fc.uint8Array(),
  fc.float64Array({ maxLength: 4 }),
  fc.date(),
  fc.string().map((message) => Object.assign(new RangeError(message), { stack: 'stack' })),
  fc.array(fc.integer(), { maxLength: 3 }).map((items) => {
    const sparse: number[] = [];
    for (const [at, item] of items.entries()) sparse[at * 3 + 1] = item;
    return sparse;
  }),
);

export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, tie('array'), tie('object'), tie('map'), tie('set'), tie('twice')),
  array: fc.array(tie('any'), { maxLength: 4 }),
  object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$date', '$map', '__proto__')), tie('any'), {
    maxKeys: 4,
  }),
  map: fc.array(fc.tuple(leaf, tie('any')), { maxLength: 3 }).map((entries) => new Map(entries)),
  set: fc.array(leaf, { maxLength: 3 }).map((items) => new Set(items)),
  twice: tie('array').map((part) => {
    const self: unknown[] = [part, part];
    self.push(self);
    return self;
  }),
})).any;

const keyLeaf = fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.uint8Array({ maxLength: 4 }));

/** Texts, numbers, bytes and tuples. */
export const anyKey = fc.oneof(
  keyLeaf,
  fc.array(fc.oneof(keyLeaf, fc.bigInt(), fc.boolean(), fc.constant(null)), { maxLength: 3 }),
);
