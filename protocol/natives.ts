/*
 * Which objects are what they look like. Values come from pages, frames and vm contexts, each with its own `Object` and
 * `Map`, so identity with ours proves nothing; the names, the length of the prototype chain and the internal slots do.
 */

/** An object literal, of any realm, or an object without prototype. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

interface Native {
  /** Prototypes between an instance and `null`: a subclass has one more. */
  readonly prototypes: number;
  /** Looks into an internal slot: false, or throws, for an impostor. */
  readonly proves: (value: object) => boolean;
}

/** True when the slot answers at all: methods of built-ins throw on receivers without it. */
const answers = (method: (this: never, ...rest: never[]) => unknown) => (value: object) => {
  Reflect.apply(method, value, []);
  return true;
};

const getterOf = (prototype: object, name: PropertyKey): (() => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown;

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);
const typedArrayName = /* @__PURE__ */ (() =>
  getterOf(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag))();
const isTypedArray = (name: string) => (value: object) => Reflect.apply(typedArrayName, value, []) === name;
const isError = (value: object) => tagOf(value) === 'Error';

const TYPED_ARRAYS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const;

const ERRORS = ['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'] as const;

/** Marked as pure, as what follows, so that a bundler leaves it out of a page that doesn't use it. */
const NATIVES: ReadonlyMap<string, Native> = /* @__PURE__ */ (() =>
  new Map<string, Native>([
    ['Array', { prototypes: 2, proves: Array.isArray }],
    ['Date', { prototypes: 2, proves: answers(Date.prototype.getTime) }],
    ['RegExp', { prototypes: 2, proves: (value) => tagOf(value) === 'RegExp' && Object.hasOwn(value, 'lastIndex') }],
    ['Map', { prototypes: 2, proves: answers(getterOf(Map.prototype, 'size')) }],
    ['Set', { prototypes: 2, proves: answers(getterOf(Set.prototype, 'size')) }],
    ['ArrayBuffer', { prototypes: 2, proves: answers(getterOf(ArrayBuffer.prototype, 'byteLength')) }],
    ['DataView', { prototypes: 2, proves: (value) => ArrayBuffer.isView(value) && tagOf(value) === 'DataView' }],
    ['Boolean', { prototypes: 2, proves: answers(Boolean.prototype.valueOf) }],
    ['Number', { prototypes: 2, proves: answers(Number.prototype.valueOf) }],
    ['String', { prototypes: 2, proves: answers(String.prototype.valueOf) }],
    ['BigInt', { prototypes: 2, proves: answers(BigInt.prototype.valueOf) }],
    ['Error', { prototypes: 2, proves: isError }],
    ...ERRORS.map((name): [string, Native] => [name, { prototypes: 3, proves: isError }]),
    ...TYPED_ARRAYS.map((name): [string, Native] => [name, { prototypes: 3, proves: isTypedArray(name) }]),
    // Node's own subclass; it is bytes to everybody, and a `Uint8Array` when it comes back.
    ['Buffer', { prototypes: 4, proves: isTypedArray('Uint8Array') }],
  ]))();

/** The prototypes of this realm, which most values have: identity spares counting. */
const OWN_REALM: ReadonlyMap<unknown, string> = /* @__PURE__ */ (() =>
  new Map(
    [...NATIVES.keys()].flatMap((name) => {
      const native = (globalThis as unknown as Record<string, { readonly prototype: object } | undefined>)[name];
      return native === undefined ? [] : [[native.prototype, name] as const];
    }),
  ))();

/**
 * The class of an instance of a built-in, of any realm: `'Map'`, `'Uint8Array'`, `'TypeError'`. Undefined for instances of
 * subclasses, for impostors, and for built-ins that structured clone can't copy or would not give back equal.
 */
export function nativeKind(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  const name = OWN_REALM.get(prototype) ?? nameInOtherRealm(value, prototype);
  if (name === undefined) return undefined;
  try {
    return NATIVES.get(name)?.proves(value) === true ? name : undefined;
  } catch {
    return undefined;
  }
}

function nameInOtherRealm(value: object, prototype: object | null): string | undefined {
  if (prototype === null || !Object.hasOwn(prototype, 'constructor')) return undefined;
  const name: unknown = (prototype.constructor as { readonly name?: unknown } | undefined)?.name;
  return typeof name === 'string' && NATIVES.get(name)?.prototypes === prototypesOf(value) ? name : undefined;
}

/** Bytes are keys and values of their own right: a `Uint8Array` or a `Buffer`. */
export const isByteKind = (kind: string | undefined): boolean => kind === 'Uint8Array' || kind === 'Buffer';

function prototypesOf(value: object): number {
  let count = 0;
  for (let object = Object.getPrototypeOf(value); object !== null; object = Object.getPrototypeOf(object)) count++;
  return count;
}
