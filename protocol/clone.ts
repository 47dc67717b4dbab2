import { getNativeName, getTag, isByteType, isPlainObject } from './native-types.ts';

/** Every platform has it; its type stands in libraries that this room does without. */
declare function structuredClone<T>(value: T): T;

/** Objects in a value may stand in each other this deep. */
export const MAX_VALUE_DEPTH = 1000;

/**
 * A copy of a value that structured clone gives back deeply equal: what happens to the original later, or what its getters do, changes
 * nothing in it. Reads each property once. Throws anything exactly where `findValueFault` finds a fault, and says no more than that: every
 * page loads this, and only those that give a wrong value load what names the fault. O(size of the value).
 */
export function copyValue(value: unknown): unknown {
  /** The copy of the value itself, and of its parts by their originals: what is referred to twice is one object in the copy, too. */
  let root: unknown;
  let copies: Map<unknown, unknown> | undefined;

  function remember<T>(part: unknown, copy: T): T {
    // What holds no objects needs no map.
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
    // Structured clone makes something else of an impostor, and throws for a proxy and for bytes that were transferred.
    const copy = getTag(part) === 'Uint8Array' ? new Uint8Array(part as Uint8Array) : structuredClone(part);
    if (getNativeName(copy) !== kind && !(isByteType(kind) && ArrayBuffer.isView(copy))) throw part;
    return remember(part, copy);
  }
  return copyPart(value, 0);
}

/** Indices come first: as many names as elements, and the last an index, leaves room for neither hole nor property. */
export const isDense = (names: readonly string[], length: number): boolean =>
  names.length === length && (length === 0 || names[length - 1] === String(length - 1));

/** Structured clone makes texts of other messages, and nothing of other stacks. */
export const isClonedErrorProperty = (name: string, part: unknown): boolean =>
  name === 'cause' ||
  (name === 'stack' && part === undefined) ||
  (typeof part === 'string' && (name === 'stack' || name === 'message'));

/** Whether structured clone loses something of a native: shared memory, a place in a text, or a property. The characters of a String are some, too. */
export const losesContent = (part: object, kind: string): boolean =>
  ArrayBuffer.isView(part)
    ? getTag(part.buffer) !== 'ArrayBuffer'
    : Object.keys(part).length > (kind === 'String' ? String(part).length : 0) || (part as RegExp).lastIndex > 0;

/** Hidden ones are passed over, as hidden names are (MobX has one in each observable); a tag decides what an object is equal to. */
export function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  // Nearly no object has one: then not even the function below is made.
  if (symbols.length === 0) return false;
  return symbols.some(
    (name) => name === Symbol.toStringTag || Object.getOwnPropertyDescriptor(value, name)?.enumerable,
  );
}

/** What any part of a message takes besides its contents. */
const PART_OVERHEAD_BYTES = 8;

/**
 * About how many bytes something takes in a message: exactly those of strings' characters and of byte arrays, and a little for
 * each part. What is referred to twice counts once, as in structured clone. O(parts), however deep they stand in each other.
 */
export function estimateBytes(value: unknown): number {
  let bytes = PART_OVERHEAD_BYTES;
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? bytes + value.length : bytes;
  /** Without parts that are objects nothing has to be remembered. */
  let seen: Set<unknown> | undefined;
  const stack: object[] = [];
  function add(part: unknown): void {
    bytes += PART_OVERHEAD_BYTES;
    if (typeof part === 'string') bytes += part.length;
    else if (typeof part === 'object' && part !== null && part !== value) {
      seen ??= new Set();
      if (seen.size < seen.add(part).size) stack.push(part);
    }
  }
  for (let part: object | undefined = value; part !== undefined; part = stack.pop()) {
    if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) bytes += part.byteLength;
    else if (Array.isArray(part) || part instanceof Set) for (const element of part) add(element);
    else if (part instanceof Map) for (const entry of part) entry.forEach(add);
    else {
      for (const name of Object.keys(part)) {
        add(name);
        add((part as Record<string, unknown>)[name]);
      }
    }
  }
  return bytes;
}
