import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyTemplate, createTemplate } from '../../main/engine/values/object-template.ts';

const UNBOUNDED = Number.MAX_SAFE_INTEGER;

/** Names that objects have by themselves, or whose order is their own; `__proto__` is tested alone. */
const names = fc.oneof(
  fc.string().filter((name) => name !== '__proto__'),
  fc.constantFrom('constructor', 'toString', 'hasOwnProperty', 'toJSON', 'length', '0', '10', '2', '', '-1'),
);

const { trees } = fc.letrec<{ trees: unknown }>((tie) => ({
  trees: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true }).filter(Number.isFinite), fc.boolean()),
    fc.constantFrom<unknown>(null, [], {}, 0, '', 2 ** 31, -(2 ** 53)),
    fc.array(tie('trees')),
    fc.dictionary(names, tie('trees')),
  ),
}));

/** JSON texts of objects and arrays, with a negative zero here and there. */
const texts = trees
  .filter((tree) => typeof tree === 'object' && tree !== null)
  .map((tree) => JSON.stringify(tree).replaceAll(/(?<=[[:,])0(?=[\],}])/g, '-0'));

/** Changes everything that can be reached. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const part of Object.values(value)) spoil(part);
  for (const name of Object.keys(value)) (value as Record<string, unknown>)[name] = 'spoilt';
  Object.assign(value, { added: 'spoilt' });
  Object.setPrototypeOf(value, null);
}

describe('a copy of a template', () => {
  it('is what parsing the text gives, with the same order of names, whatever was done to other copies and to the original', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const original = JSON.parse(text) as object;
        const template = createTemplate(original, UNBOUNDED)!;
        spoil(original);
        for (let nth = 0; nth < 3; nth++) {
          const copy = copyTemplate(template);
          deepStrictEqual(copy, JSON.parse(text));
          expect(JSON.stringify(copy)).toBe(JSON.stringify(JSON.parse(text)));
          spoil(copy);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps names like those of built-in methods as own properties', () => {
    const text = '{"constructor":{"prototype":{"a":1}},"hasOwnProperty":[{}],"toString":null,"2":{},"1":[]}';
    const copy = copyTemplate(createTemplate(JSON.parse(text) as object, UNBOUNDED)!);
    deepStrictEqual(copy, JSON.parse(text));
    expect(JSON.stringify(copy)).toBe(JSON.stringify(JSON.parse(text)));
  });

  it('has the parts of an object with many properties and of a long array', () => {
    const wide = Object.fromEntries(Array.from({ length: 2000 }, (_, nth) => [`name ${nth}`, { nth }]));
    const long = Array.from({ length: 5000 }, (_, nth) => (nth % 3 === 0 ? [nth] : nth / 2));
    for (const value of [wide, long])
      expect(copyTemplate(createTemplate(structuredClone(value), UNBOUNDED)!)).toStrictEqual(value);
  });
});

describe('there is no template', () => {
  it.each(['{"__proto__":1}', '{"a":[{"__proto__":{"b":1}}]}', '[{"__proto__":[]}]'])('of %s', (text) => {
    expect(createTemplate(JSON.parse(text) as object, UNBOUNDED)).toBeUndefined();
  });

  it('of a value that is nested so deeply that copying it could overflow the stack', () => {
    const depth = 100_000;
    const deep = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as object;
    expect(createTemplate(deep, UNBOUNDED)).toBeUndefined();
  });

  it('that takes more memory than it may, however short the text is', () => {
    const text = `[${'{},'.repeat(999)}{}]`;
    const { bytes } = createTemplate(JSON.parse(text) as object, UNBOUNDED)!;
    expect(bytes).toBeGreaterThan(text.length * 10);
    expect(createTemplate(JSON.parse(text) as object, bytes - 1)).toBeUndefined();
    expect(createTemplate(JSON.parse(text) as object, bytes)).toBeDefined();
  });
});
