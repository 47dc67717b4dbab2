/** Values that a port must carry unchanged in both directions, and words to compare them by. Shared by main and page. */

const cycle: Record<string, unknown> = { name: 'cycle' };
cycle['self'] = cycle;
const shared = new Uint8Array([1, 2, 3, 4]);

export const SAMPLES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  'minus zero': -0,
  'not a number': Number.NaN,
  'big integer': 2n ** 80n,
  text: 'Zürich \u0000 "quoted" \\ 🏔 \u2028',
  'lone surrogate': 'a\ud800b',
  date: new Date(86_400_000),
  'no date': new Date(Number.NaN),
  'regular expression': /a\/b[/]/giu,
  map: new Map<unknown, unknown>([
    [{ key: 1 }, -0],
    ['nested', new Map([[Number.NaN, undefined]])],
  ]),
  set: new Set([1, '1', 1n]),
  'sparse array': Object.assign(new Array(4), { 1: 'one' }),
  'array buffer': new Uint8Array([0, 127, 255]).buffer,
  'part of a buffer': new Uint8Array([9, 8, 7, 6]).subarray(1, 3),
  'typed arrays': [new Float64Array([Math.PI, -0]), new BigInt64Array([-1n]), new DataView(new ArrayBuffer(3), 1)],
  'two views of one buffer': [shared, shared.subarray(2)],
  'boxed values': [Object('boxed'), Object(false), Object(7)],
  cycle,
  'own __proto__': JSON.parse('{"__proto__": {"polluted": true}, "a": 1}'),
  'a type error': new TypeError('wrong', { cause: { code: 7 } }),
  empty: [{}, [], '', new Map(), new Set(), new ArrayBuffer(0)],
};

/** Everything a structured clone keeps of a value, as text. */
export function describeValue(value: unknown, seen: readonly unknown[] = []): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (seen.includes(value)) return `up ${seen.length - seen.indexOf(value)}`;
  const inner = (part: unknown) => describeValue(part, [...seen, value]);
  const type = Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof RegExp) return `RegExp(${value})`;
  if (value instanceof Map)
    return `Map(${[...value].map(([key, item]) => `${inner(key)} => ${inner(item)}`).join(', ')})`;
  if (value instanceof Set) return `Set(${[...value].map(inner).join(', ')})`;
  if (value instanceof Error) return `${value.name}(${value.message}, ${inner(value.cause)})`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${[...new Uint8Array(value)].join(' ')})`;
  if (ArrayBuffer.isView(value)) return `${type}(${value.byteOffset}, ${value.byteLength}, ${inner(value.buffer)})`;
  if (type === 'String' || type === 'Boolean' || type === 'Number') return `boxed ${String(value)}`;
  const own = Object.entries(value).map(([key, item]) => `${key}: ${inner(item)}`);
  return Array.isArray(value) ? `[${value.length}; ${own.join(', ')}]` : `{${own.join(', ')}}`;
}
