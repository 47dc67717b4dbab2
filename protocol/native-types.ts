/*
 * Determines whether objects are what they appear to be. Values come from pages, frames and vm contexts, each with its own `Object` and
 * `Map`, so comparing identities with ours is not enough. The constructor names and the length of the prototype chain are compared instead;
 * the internal slots are tested by native-slots.ts or by structured clone.
 */

/** Returns whether the object is a literal of any realm, or has no prototype. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

/**
 * The built-ins that structured clone returns equal, indexed by the number of prototypes between an instance and `null`: a subclass has one
 * more. `Buffer`, Node's own subclass, is accepted as bytes and comes back as a `Uint8Array`. Marked as pure, so that a bundler drops it
 * from pages that don't use it.
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
 * Returns the class, of any realm, that an object's prototype belongs to: `'Map'`, `'Uint8Array'`, `'TypeError'`. Impostors pass, too.
 * Undefined for subclasses, and for built-ins that structured clone can't copy or would not return equal.
 */
export function getNativeName(value: object): string | undefined {
  let prototype = Object.getPrototypeOf(value) as object | null;
  const name: unknown = Object.hasOwn(prototype ?? {}, 'constructor') ? prototype?.constructor?.name : undefined;
  let count = 0;
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype)) count++;
  return typeof name === 'string' && NATIVE_NAMES[count]?.includes(name) ? name : undefined;
}

/** Returns the type that the internal slot gives an object without a tag of its own: `'Error'`, `'Uint8Array'`. */
export const getTag = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

/** Bytes are a key and value type of their own: `Uint8Array` or `Buffer`. */
export const isByteType = (kind: string | undefined): boolean => kind === 'Uint8Array' || kind === 'Buffer';
