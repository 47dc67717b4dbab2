import { isByteKind, isPlainObject, nativeName, tagOf } from './natives.ts';

/** Every platform has it; its type stands in libraries that this room does without. */
declare function structuredClone<T>(value: T): T;

/** Objects in a value may stand in each other this deep. */
export const VALUE_DEPTH = 1000;

/**
 * A copy of a value that structured clone gives back deeply equal: what happens to the original later, or what its getters do, changes
 * nothing in it. Reads each property once. Throws anything exactly where `valueFault` finds a fault, and says no more than that: every
 * page loads this, and only those that give a wrong value load what names the fault. O(size of the value).
 */
export function toCopy(value: unknown): unknown {
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

  function copyOf(part: unknown, depth: number): unknown {
    if (typeof part === 'function' || typeof part === 'symbol') throw part;
    if (typeof part !== 'object' || part === null) return part;
    const known = part === value ? root : copies?.get(part);
    if (known) return known;
    if (depth++ === VALUE_DEPTH || hasSymbols(part)) throw part;
    if (isPlainObject(part)) {
      const copy = remember<Record<string, unknown>>(part, { ...part });
      for (const name of Object.keys(copy)) copy[name] = copyOf(copy[name], depth);
      return copy;
    }
    const kind = nativeName(part);
    if (kind === undefined) throw part;
    if (kind === 'Array' && Array.isArray(part)) {
      const copy = remember<unknown[]>(part, []);
      const names = Object.keys(part);
      const dense = isDense(names, part.length);
      names.forEach((name, at) => {
        const value = copyOf(part[dense ? at : (name as never)], depth);
        if (dense) copy.push(value);
        else Object.defineProperty(copy, name, { value, enumerable: true, writable: true, configurable: true });
      });
      copy.length = part.length;
      return copy;
    }
    if (kind.endsWith('Error') && tagOf(part) === 'Error') {
      const copy = remember(
        part,
        new (globalThis as never as Record<string, new () => Record<string, unknown>>)[kind]!(),
      );
      copy['stack'] = undefined;
      for (const name of Object.getOwnPropertyNames(part)) {
        copy[name] = copyOf(part[name as never], depth);
        if (!isKeptOfError(name, copy[name])) throw part;
      }
      return copy;
    }
    if (losesSome(part, kind)) throw part;
    if (kind === 'Map') {
      const copy = remember(part, new Map());
      Map.prototype.forEach.call(part as never, (member, key) => copy.set(copyOf(key, depth), copyOf(member, depth)));
      return copy;
    }
    if (kind === 'Set') {
      const copy = remember(part, new Set());
      Set.prototype.forEach.call(part as never, (member) => copy.add(copyOf(member, depth)));
      return copy;
    }
    // Structured clone makes something else of an impostor, and throws for a proxy and for bytes that were transferred.
    const copy = tagOf(part) === 'Uint8Array' ? new Uint8Array(part as Uint8Array) : structuredClone(part);
    if (nativeName(copy) !== kind && !(isByteKind(kind) && ArrayBuffer.isView(copy))) throw part;
    return remember(part, copy);
  }
  return copyOf(value, 0);
}

/** Indices come first: as many names as elements, and the last an index, leaves room for neither hole nor property. */
export const isDense = (names: readonly string[], length: number): boolean =>
  names.length === length && (length === 0 || names[length - 1] === String(length - 1));

/** Structured clone makes texts of other messages, and nothing of other stacks. */
export const isKeptOfError = (name: string, part: unknown): boolean =>
  name === 'cause' ||
  (name === 'stack' && part === undefined) ||
  (typeof part === 'string' && (name === 'stack' || name === 'message'));

/** Whether structured clone loses something of a native: shared memory, a place in a text, or a property. The characters of a String are some, too. */
export const losesSome = (part: object, kind: string): boolean =>
  ArrayBuffer.isView(part)
    ? tagOf(part.buffer) !== 'ArrayBuffer'
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
