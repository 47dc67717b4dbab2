import { isDense, MAX_VALUE_DEPTH } from './clone.ts';
import { DiskCacheError } from './error.ts';
import { getTag, isPlainObject, NATIVE_NAMES } from './native-types.ts';
import type { Storable } from './plain-values.ts';

/** Maximum number of objects in a value. Getters can create new objects at every read, so a value may have no end. */
const MAX_OBJECTS = 2 ** 20;

/** Stands for a part that can't be stored. */
const OMITTED = Symbol('omitted');

/**
 * Returns a deep copy of a value without the parts that can't be stored: functions, symbols, promises, weak collections, streams, Blobs,
 * DOM nodes and other objects of the platform, parts nested more than 1000 levels deep, and properties whose getter throws. They are left
 * out of objects, maps and sets, as `JSON.stringify` leaves them out of objects. In arrays, and as the whole value, they become `undefined`.
 * Dates, maps, sets, bytes, errors, cycles and shared parts are kept. An instance of a class becomes the result of its `toJSON`, or else a
 * plain object of its own enumerable properties, with the values of getters. O(size of the value).
 *
 * @throws {DiskCacheError} `TOO_LARGE` for a value of more than about a million objects, and nothing else.
 */
export function omitUnstorable<V>(value: V): Storable<V> {
  const copied = new StorableCopy().copy(value, 0);
  return (copied === OMITTED ? undefined : copied) as Storable<V>;
}

class StorableCopy {
  /** The copies of objects by their originals. */
  readonly #copies = new Map<object, unknown>();
  #objects = 0;

  copy(part: unknown, depth: number): unknown {
    // `document.all` is an object of type "undefined".
    if (typeof part === 'function' || typeof part === 'symbol' || (typeof part === 'undefined' && part !== undefined))
      return OMITTED;
    if (typeof part !== 'object' || part === null) return part;
    if (depth === MAX_VALUE_DEPTH) return OMITTED;
    const known = this.#copies.get(part);
    if (known !== undefined) return known;
    if (++this.#objects > MAX_OBJECTS) {
      throw new DiskCacheError(
        'TOO_LARGE',
        `The value has more than ${MAX_OBJECTS} objects, or no end; copy less of it`,
      );
    }
    try {
      return this.#copyObject(part, depth + 1);
    } catch (error) {
      if (error instanceof DiskCacheError && error.code === 'TOO_LARGE') throw error;
      // A proxy that was revoked, or transferred bytes.
      return this.#remember(part, OMITTED);
    }
  }

  #remember<T>(part: object, copy: T): T {
    this.#copies.set(part, copy);
    return copy;
  }

  #copyObject(part: object, depth: number): unknown {
    if (Array.isArray(part)) return this.#copyArray(part, depth);
    if (isPlainObject(part)) return this.#copyProperties(part, depth);
    const name = getPlatformClass(part);
    if (name === 'Map') return this.#copyMap(part as Map<unknown, unknown>, depth);
    if (name === 'Set') return this.#copySet(part as Set<unknown>, depth);
    if (name?.endsWith('Error')) return this.#copyError(part as Error, name, depth);
    if (name !== undefined && STORABLE_NAMES.has(name)) return this.#remember(part, copyNative(part));
    const json = this.#callToJson(part, depth);
    if (json !== OMITTED || name !== undefined) return this.#remember(part, json);
    return this.#copyProperties(part, depth);
  }

  /** Returns the copy of what `toJSON` of a class returns; `OMITTED` without one. */
  #callToJson(part: object, depth: number): unknown {
    const toJson = read(part, 'toJSON');
    if (typeof toJson !== 'function') return OMITTED;
    try {
      const json: unknown = Reflect.apply(toJson, part, ['']);
      return json === part ? OMITTED : this.copy(json, depth);
    } catch (error) {
      if (error instanceof DiskCacheError && error.code === 'TOO_LARGE') throw error;
      return OMITTED;
    }
  }

  #copyProperties(part: object, depth: number): object {
    const copy = this.#remember(part, {});
    for (const name of Object.keys(part)) this.#copyProperty(copy, part, name, depth);
    return copy;
  }

  #copyProperty(copy: object, part: object, name: string, depth: number): void {
    const value = this.copy(read(part, name), depth);
    if (value === OMITTED) return;
    // An assignment to `__proto__` would not make a property.
    if (name === '__proto__')
      Object.defineProperty(copy, name, { value, enumerable: true, writable: true, configurable: true });
    else (copy as Record<string, unknown>)[name] = value;
  }

  #copyArray(part: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = this.#remember(part, []);
    const names = Object.keys(part);
    if (isDense(names, part.length)) {
      for (let at = 0; at < part.length; at++) {
        const element = this.copy(read(part, at), depth);
        copy.push(element === OMITTED ? undefined : element);
      }
    } else {
      copy.length = part.length;
      for (const name of names) this.#copyProperty(copy, part, name, depth);
    }
    return copy;
  }

  #copyMap(part: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
    const copy = this.#remember(part, new Map<unknown, unknown>());
    for (const [key, member] of listEntries(part)) {
      const [copiedKey, copied] = [this.copy(key, depth), this.copy(member, depth)];
      if (copiedKey !== OMITTED && copied !== OMITTED) copy.set(copiedKey, copied);
    }
    return copy;
  }

  #copySet(part: Set<unknown>, depth: number): Set<unknown> {
    const copy = this.#remember(part, new Set<unknown>());
    for (const [member] of listEntries(part)) {
      const copied = this.copy(member, depth);
      if (copied !== OMITTED) copy.add(copied);
    }
    return copy;
  }

  /** What structured clone keeps of an error: its class, message, stack and cause. */
  #copyError(part: Error, name: string, depth: number): Error {
    const Class = (globalThis as unknown as Readonly<Record<string, ErrorConstructor | undefined>>)[name] ?? Error;
    const copy = this.#remember(part, new Class());
    const [message, stack, cause] = [read(part, 'message'), read(part, 'stack'), this.copy(read(part, 'cause'), depth)];
    if (typeof message === 'string' && message !== '') setHidden(copy, 'message', message);
    setHidden(copy, 'stack', typeof stack === 'string' ? stack : undefined);
    if (cause !== OMITTED && cause !== undefined) setHidden(copy, 'cause', cause);
    return copy;
  }
}

/** The classes whose instances are stored as they are. */
const STORABLE_NAMES: ReadonlySet<string> = /* @__PURE__ */ (() => new Set(NATIVE_NAMES.flat()))();

/** Returns a property; `OMITTED` if reading it throws. */
function read(part: object, name: PropertyKey): unknown {
  try {
    return part[name as never];
  } catch {
    return OMITTED;
  }
}

const setHidden = (copy: object, name: string, value: unknown): void =>
  void Object.defineProperty(copy, name, { value, writable: true, configurable: true });

/** Lists the members also of a reactive proxy, on which only its own methods work. */
function listEntries(part: Map<unknown, unknown> | Set<unknown>): [key: unknown, member: unknown][] {
  const entries: [unknown, unknown][] = [];
  part.forEach((member: unknown, key: unknown) => void entries.push([key, member]));
  return entries;
}

/** Declared by every platform, but by no library that this folder includes. */
declare function structuredClone<T>(value: T): T;

/** Copies a date, a regular expression, bytes, or a boxed primitive, without properties that structured clone would lose. */
function copyNative(part: object): unknown {
  if (ArrayBuffer.isView(part)) {
    const { buffer, byteOffset, byteLength } = part;
    // Shared memory is copied into memory of its own.
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice();
    const tag = getTag(part);
    if (tag === 'Uint8Array') return bytes;
    const View = (globalThis as unknown as Readonly<Record<string, new (buffer: ArrayBuffer) => object>>)[tag]!;
    return new View(bytes.buffer);
  }
  const tag = getTag(part);
  if (tag === 'RegExp') return new RegExp((part as RegExp).source, (part as RegExp).flags);
  if (tag === 'Date') return new Date(Date.prototype.getTime.call(part));
  return structuredClone(part);
}

/**
 * Returns the nearest class of the platform, rather than of the application, that an object is an instance of; `''` for one without a
 * name, such as that of generators; undefined if there is only `Object`.
 */
function getPlatformClass(part: object): string | undefined {
  let found: string | undefined;
  // The last prototype is that of `Object`.
  for (let prototype = getParent(part); ; ) {
    const parent: object | null = prototype && getParent(prototype);
    if (prototype === null || parent === null) return found;
    const name = getClassName(Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value, prototype);
    if (name !== undefined) {
      // A DOMException is stored as the Error that it also is.
      if (STORABLE_NAMES.has(name)) return name;
      found ??= name;
    }
    prototype = parent;
  }
}

const getParent = (value: object): object | null => Object.getPrototypeOf(value) as object | null;

/** Returns the name of a class of the platform; undefined for one of the application. */
function getClassName(Class: unknown, prototype: object): string | undefined {
  if (typeof Class !== 'function') return Object.hasOwn(prototype, Symbol.toStringTag) ? '' : undefined;
  const { name } = Class;
  const isNative = /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(Class));
  // Some classes of Node are written in JavaScript.
  const isGlobal =
    Object.getOwnPropertyDescriptor(globalThis, name) !== undefined && globalThis[name as never] === Class;
  return isNative || isGlobal ? name : undefined;
}
