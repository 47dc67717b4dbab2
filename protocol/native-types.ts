/*
 * Which objects are what they look like. Values come from pages, frames and vm contexts, each with its own `Object` and
 * `Map`, so identity with ours proves nothing; the names and the length of the prototype chain do, and the internal slots
 * (native-kind.ts, or that structured clone finds them).
 */

/** An object literal, of any realm, or an object without prototype. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

/**
 * The built-ins that structured clone gives back equal, by how many prototypes stand between an instance and `null`: a subclass has one
 * more. `Buffer`, Node's own subclass, is bytes to everybody, and a `Uint8Array` when it comes back. Marked as pure, so that a bundler
 * leaves it out of a page that doesn't use it.
 */
export const NATIVE_NAMES: readonly (readonly string[])[] = /* @__PURE__ */ (() =>
  [
    '',
    '',
    'Array Date RegExp Map Set ArrayBuffer DataView Boolean Number String BigInt Error',
    'EvalError RangeError ReferenceError SyntaxError TypeError URIError Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float16Array Float32Array Float64Array BigInt64Array BigUint64Array',
    'Buffer',
  ].map((names) => names.split(' ')))();

/**
 * The class of a built-in, of any realm, that an object's prototype is of: `'Map'`, `'Uint8Array'`, `'TypeError'`. An impostor has one,
 * too. Undefined for subclasses, and for built-ins that structured clone can't copy or would not give back equal.
 */
export function getNativeName(value: object): string | undefined {
  let prototype = Object.getPrototypeOf(value) as object | null;
  const name: unknown = Object.hasOwn(prototype ?? {}, 'constructor') ? prototype?.constructor?.name : undefined;
  let count = 0;
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype)) count++;
  return typeof name === 'string' && NATIVE_NAMES[count]?.includes(name) ? name : undefined;
}

/** What an internal slot makes of an object that has no tag of its own: `'Error'`, `'Uint8Array'`. */
export const getTag = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

/** Bytes are keys and values of their own right: a `Uint8Array` or a `Buffer`. */
export const isByteType = (kind: string | undefined): boolean => kind === 'Uint8Array' || kind === 'Buffer';
