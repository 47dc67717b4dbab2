import { getNativeName, getTag, isByteType, isPlainObject } from './native-types.ts';

/** Every platform has it, but its type is declared in libraries that this folder doesn't include. */
declare function structuredClone<T>(value: T): T;

/** Maximum nesting depth of objects in a value. */
export const MAX_VALUE_DEPTH = 1000;

/**
 * Returns a copy of a value that structured clone keeps deeply equal; later changes to the original, and its getters, don't affect the
 * copy. Reads each property once. Throws exactly where `findValueFault` finds a fault, but what it throws doesn't describe the fault: every
 * page loads this file, and only pages that pass a bad value load the code that names the fault. O(size of the value).
 */
export function copyValue(value: unknown): unknown {
  /**
   * The copy of the value itself, and the copies of its parts by their originals: a part referenced twice is also one object in the copy.
   */
  let root: unknown;
  let copies: Map<unknown, unknown> | undefined;

  function remember<T>(part: unknown, copy: T): T {
    // A value without nested objects needs no map.
    if (part === value) root = copy;
    else {
      copies ??= new Map();
      copies.set(part, copy);
    }
    return copy;
  }

  function copyPart(part: unknown, depth: number): unknown {
    if (typeof part === 'function' || typeof part === 'symbol') throw part;
    if (typeof part !== 'object' || part === null) return part;
    const known = part === value ? root : copies?.get(part);
    if (known) return known;
    if (depth++ === MAX_VALUE_DEPTH || hasSymbols(part)) throw part;
    if (isPlainObject(part)) {
      const copy = remember<Record<string, unknown>>(part, { ...part });
      for (const name of Object.keys(copy)) copy[name] = copyPart(copy[name], depth);
      return copy;
    }
    const kind = getNativeName(part);
    if (kind === undefined) throw part;
    if (kind === 'Array' && Array.isArray(part)) {
      const copy = remember<unknown[]>(part, []);
      const names = Object.keys(part);
      const dense = isDense(names, part.length);
      names.forEach((name, at) => {
        const value = copyPart(part[dense ? at : (name as never)], depth);
        if (dense) copy.push(value);
        else Object.defineProperty(copy, name, { value, enumerable: true, writable: true, configurable: true });
      });
      copy.length = part.length;
      return copy;
    }
    if (kind.endsWith('Error') && getTag(part) === 'Error') {
      const copy = remember(
        part,
        new (globalThis as never as Record<string, new () => Record<string, unknown>>)[kind]!(),
      );
      copy['stack'] = undefined;
      for (const name of Object.getOwnPropertyNames(part)) {
        copy[name] = copyPart(part[name as never], depth);
        if (!isClonedErrorProperty(name, copy[name])) throw part;
      }
      return copy;
    }
    if (losesContent(part, kind)) throw part;
    if (kind === 'Map') {
      const copy = remember(part, new Map());
      Map.prototype.forEach.call(part as never, (member, key) =>
        copy.set(copyPart(key, depth), copyPart(member, depth)),
      );
      return copy;
    }
    if (kind === 'Set') {
      const copy = remember(part, new Set());
      Set.prototype.forEach.call(part as never, (member) => copy.add(copyPart(member, depth)));
      return copy;
    }
    // Structured clone turns an impostor into another type, and throws for a proxy and for transferred bytes.
    const copy = getTag(part) === 'Uint8Array' ? new Uint8Array(part as Uint8Array) : structuredClone(part);
    if (getNativeName(copy) !== kind && !(isByteType(kind) && ArrayBuffer.isView(copy))) throw part;
    return remember(part, copy);
  }
  return copyPart(value, 0);
}

/**
 * Index names are listed first: if there are as many names as elements and the last is an index, there are no holes and no other
 * properties.
 */
export const isDense = (names: readonly string[], length: number): boolean =>
  names.length === length && (length === 0 || names[length - 1] === String(length - 1));

/** Structured clone turns a non-string message into a string and drops a non-string stack. */
export const isClonedErrorProperty = (name: string, part: unknown): boolean =>
  name === 'cause' ||
  (name === 'stack' && part === undefined) ||
  (typeof part === 'string' && (name === 'stack' || name === 'message'));

/**
 * Returns whether structured clone loses something of a native: shared memory, a `lastIndex`, or an own property. The characters of a
 * String object count as own properties.
 */
export const losesContent = (part: object, kind: string): boolean =>
  ArrayBuffer.isView(part)
    ? getTag(part.buffer) !== 'ArrayBuffer'
    : Object.keys(part).length > (kind === 'String' ? String(part).length : 0) || (part as RegExp).lastIndex > 0;

/**
 * Non-enumerable symbols are ignored, like non-enumerable names (MobX adds one to each observable); a `Symbol.toStringTag` counts, because
 * it affects equality.
 */
export function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  // Almost no object has symbols, so don't even create the closure below.
  if (symbols.length === 0) return false;
  return symbols.some(
    (name) => name === Symbol.toStringTag || Object.getOwnPropertyDescriptor(value, name)?.enumerable,
  );
}

/** Bytes that any part of a message takes in addition to its contents. */
const PART_OVERHEAD_BYTES = 8;

/**
 * Estimates the bytes of a value in a message: exact for byte arrays and for the characters of strings, errors and patterns, plus a little
 * for each part. A part referenced twice counts once, as in structured clone. O(size of the texts and parts), at any depth.
 */
export function estimateBytes(value: unknown): number {
  // Most arguments are strings.
  if (typeof value === 'string') return PART_OVERHEAD_BYTES + value.length;
  let bytes = 0;
  /** Created for the first part that is an object; without one there is nothing to track. */
  let seen: Set<unknown> | undefined;
  const stack: object[] = [];
  function add(part: unknown): void {
    bytes += PART_OVERHEAD_BYTES;
    if (typeof part === 'string') bytes += part.length;
    // Two hexadecimal digits per byte; decimal digits would take quadratic time.
    else if (typeof part === 'bigint') bytes += part.toString(16).length / 2;
    else if (typeof part === 'object' && part !== null && part !== value) {
      seen ??= new Set();
      if (seen.size < seen.add(part).size) stack.push(part);
    }
  }
  add(value);
  for (let part = typeof value === 'object' ? value : undefined; part; part = stack.pop()) {
    if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) bytes += part.byteLength;
    else if (Array.isArray(part) || part instanceof Set) for (const element of part) add(element);
    else if (part instanceof Map) for (const entry of part) entry.forEach(add);
    else {
      if (part instanceof RegExp) add(part.source);
      // The texts of an error are not enumerable.
      for (const name of part instanceof Error ? Object.getOwnPropertyNames(part) : Object.keys(part)) {
        add(name);
        add((part as Record<string, unknown>)[name]);
      }
    }
  }
  return bytes;
}
