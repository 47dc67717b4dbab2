import { UnreadableError } from './byte-reader.ts';

/**
 * Creates a value of a built-in class from the arguments in a pickle. The table has the classes for which some protocols have no opcode, and
 * which have an exact equivalent here. No Python code runs: a name that isn't in the table is refused.
 */
export interface KnownClass {
  readonly name: string;
  /** Returns the cost of `create` for the budget of a pickle. */
  getCost(args: readonly unknown[]): number;
  create(args: readonly unknown[]): unknown;
}

export const isKnownClass = (value: unknown): value is KnownClass => KNOWN.has(value);

const getLength = (value: unknown): number => {
  const { length, size } = Object(value) as { readonly length?: unknown; readonly size?: unknown };
  return Number(length ?? size ?? 1) || 1;
};

const defineClass = (names: readonly string[], create: (args: readonly unknown[]) => unknown): [string, KnownClass][] =>
  names.map((name) => [
    name,
    { name, getCost: (args) => args.reduce<number>((sum, it) => sum + getLength(it), 1), create },
  ]);

function toList([items = [], ...others]: readonly unknown[]): readonly unknown[] {
  if (others.length === 0 && Array.isArray(items)) return items;
  throw damaged();
}

function toBytes(args: readonly unknown[]): Uint8Array {
  const [source, encoding] = args;
  if (args.length === 0) return new Uint8Array();
  if (args.length === 1 && source instanceof Uint8Array) return source.slice();
  if (args.length === 1 && Array.isArray(source) && source.every(isByte)) return Uint8Array.from(source);
  if (typeof source === 'string' && typeof encoding === 'string' && args.length === 2) return encode(source, encoding);
  throw damaged();
}

const isByte = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < 256;

/** Encodes bytes that protocols before 3 write as a Latin-1 string. */
function encode(text: string, encoding: string): Uint8Array {
  if (!/^latin[-_]?1$/i.test(encoding)) throw damaged();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of Latin-1
  if (!/^[\x00-\xff]*$/.test(text)) throw damaged();
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function toDict([pairs = [], ...others]: readonly unknown[]): Map<unknown, unknown> {
  if (others.length > 0 || !Array.isArray(pairs) || !pairs.every((it) => Array.isArray(it) && it.length === 2))
    throw damaged();
  return new Map(pairs as [unknown, unknown][]);
}

const damaged = () => new UnreadableError('its pickle is damaged: a built-in class has other arguments than its own');

const CLASSES: ReadonlyMap<string, KnownClass> = new Map([
  ...defineClass(
    ['builtins.set', '__builtin__.set', 'builtins.frozenset', '__builtin__.frozenset'],
    (args) => new Set(toList(args)),
  ),
  ...defineClass(['builtins.bytearray', '__builtin__.bytearray', '_codecs.encode'], toBytes),
  ...defineClass(['builtins.bytes', '__builtin__.bytes'], toBytes),
  ...defineClass(['collections.OrderedDict'], toDict),
]);
const KNOWN: ReadonlySet<unknown> = new Set(CLASSES.values());

/** Returns a built-in class by its name. @throws {UnreadableError} for any other name. */
export function findClass(module: string, name: string): KnownClass {
  const found = CLASSES.get(`${module}.${name}`);
  if (found !== undefined) return found;
  const shown = `${module}.${name}`;
  throw new UnreadableError(
    `it needs "${shown.length > 100 ? `${shown.slice(0, 100)}…` : shown}" of Python, and only plain values are read`,
  );
}
