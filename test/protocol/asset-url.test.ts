import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAssetUrl, toAssetUrl } from '../../protocol/asset-url.ts';
import type { Key } from '../../protocol/key.ts';
import { parseKeyText } from '../../protocol/key-text.ts';

const failure = (code: string) => expect.objectContaining({ code });

/** As a browser hands an address on: parsed and written again, both as a special scheme and as one it does not know. */
const passed = (url: string): string[] => [
  new URL(url).href,
  new URL(url.replace('deskcache:', 'https:')).href.replace('https:', 'deskcache:'),
];

const text = fc.string({ unit: 'grapheme' });
const steps = fc.array(fc.constantFrom('.', '..', 'a', '', '%2e', '%2E%2e', '\\', 'con', 'C:', '?', '#', ' ', 'ü'), {
  minLength: 1,
});
const key: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small' },
    text,
    steps.map((names) => names.join('/')),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie('key'), { maxLength: 3 }),
    fc.dictionary(text, tie('key'), { maxKeys: 3, noNullPrototype: true }),
  ) as fc.Arbitrary<Key>,
})).key;

/** −0 is the key 0. */
const same = (a: unknown): unknown =>
  a === 0 ? 0 : Array.isArray(a) ? a.map(same) : isRecord(a) ? Object.fromEntries(entries(a)) : a;
const isRecord = (a: unknown): a is Record<string, unknown> =>
  typeof a === 'object' && a !== null && !(a instanceof Date) && !(a instanceof Uint8Array);
const entries = (a: Record<string, unknown>) => Object.entries(a).map(([name, value]) => [name, same(value)]);

describe('the address of an item', () => {
  it('is read back as the same item, whatever its key, from whatever browser', () => {
    fc.assert(
      fc.property(key, (wanted) => {
        for (const url of passed(toAssetUrl('assets', wanted))) {
          expect(parseAssetUrl(url).key).toEqual(same(wanted));
          expect(parseAssetUrl(url).store).toBe('assets');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['deskcache://assets/logo.svg', 'logo.svg'],
    ['deskcache://assets/img/%C3%BC%20%3F%23%25.png', 'img/ü ?#%.png'],
    ['deskcache://assets/', ''],
    ['deskcache://assets/?key=%22..%2F..%2Fetc%2Fpasswd%22', '../../etc/passwd'],
    ['deskcache://assets/C%3A%5Cx', 'C:\\x'],
    ['deskcache://assets/?key=%5B%22user%22%2C42%5D', ['user', 42]],
    ['deskcache://assets/?key=%7B%22number%22%3A%22NaN%22%7D', Number.NaN],
    ['deskcache://assets/?key=%7B%22bigint%22%3A%22-5%22%7D', -5n],
    ['deskcache://assets/?key=%7B%22date%22%3A0%7D', new Date(0)],
    ['deskcache://assets/?key=%7B%22bytes%22%3A%2200ff%22%7D', Uint8Array.of(0, 255)],
  ] as const)('%s never changes', (url, given) => {
    expect(toAssetUrl('assets', given)).toBe(url);
  });

  it('is one for equal keys', () => {
    expect(toAssetUrl('a', { b: 1, a: [-0] })).toBe(toAssetUrl('a', { a: [0], b: 1 }));
    expect(toAssetUrl('Assets', 'x')).toBe('deskcache://assets/x');
  });

  it('leaves the rest of the query alone, so that an address may carry a version', () => {
    expect(parseAssetUrl('deskcache://assets/logo.svg?v=3#top')).toMatchObject({ key: 'logo.svg', store: 'assets' });
    expect(parseAssetUrl('DESKCACHE://Assets')).toMatchObject({ key: '', store: 'assets' });
  });

  it.each([
    'https://assets/logo.svg',
    'deskcache:assets',
    'deskcache:///x',
    'deskcache://assets/%',
    'deskcache://assets/%ff',
    'deskcache://assets/?key=%7B%7D',
    'deskcache://assets/?key={"constructor":1}',
    'deskcache://assets/?key={"bigint":"0x10"}',
    'deskcache://assets/?key={"bytes":"0"}',
    'deskcache://assets/?key={"object":{}}',
    'deskcache://assets/?key=undefined',
    `deskcache://assets/?key=${'['.repeat(5000)}${']'.repeat(5000)}`,
    '',
  ])('is not %s', (url) => {
    expect(() => parseAssetUrl(url)).toThrow(failure('BAD_KEY'));
  });

  it('makes no objects with another prototype', () => {
    const made = parseKeyText('{"object":[["__proto__",{"object":[["polluted",1]]}]]}') as object;
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
    expect('polluted' in made).toBe(false);
  });

  it('is refused for an undeclared store', () => {
    for (const name of ['@window', '../assets', '', 'a b', 'a/b', 'user@assets', 'assets:80']) {
      expect(() => toAssetUrl(name, 'k')).toThrow(failure('BAD_OPTION'));
    }
  });

  it('is refused for an invalid key', () => {
    const around: unknown[] = [];
    around.push(around, around);
    for (const wrong of [
      () => 1,
      undefined,
      [undefined],
      '\ud800',
      { '\ud800': 1 },
      'x'.repeat(70_000),
      new Map(),
      new Date(Number.NaN),
      Object.assign([1], { extra: 1 }),
      new Array(2),
      Object.assign(new Date(0), { extra: 1 }),
      { [Symbol('s')]: 1 },
      new (class Point {})(),
      around,
    ]) {
      expect(() => toAssetUrl('a', wrong as Key)).toThrow(failure('BAD_KEY'));
    }
  });
});
