import { getNativeName, isPlainObject } from '../../protocol/native-types.ts';

/*
 * The engine may run in another realm than Node's own: in the vm context of a test under Jest, or with the globals of jsdom. There, Node's
 * deserializers still create objects of Node's realm. They are not instances of the context's `Date` or `Map`, so assertions such as
 * `toStrictEqual` fail.
 */

/** Lets the process end before the timer fires. Under jsdom a timer is a number without `unref`, and ends with the window. */
export function unrefTimer(timer: NodeJS.Timeout): NodeJS.Timeout {
  timer.unref?.();
  return timer;
}

/** Returns whether a value is of this realm. Under jsdom only the typed arrays may be of another realm than `Buffer`, which is Node's. */
const isOwn = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || (value instanceof Object && Buffer.prototype instanceof Uint8Array);

/**
 * Converts a deserialized value to objects of this realm. Returns the value itself if it is of this realm, as always outside of tests. Parts
 * that structured clone can't copy, such as ports, stay as they are. O(1) for a value of this realm, otherwise O(size of the value).
 */
export function toOwnRealm(value: unknown): unknown {
  return isOwn(value) ? value : new RealmCopy().copyPart(value);
}

type Constructor = new (...args: unknown[]) => object;

const getClass = (name: string): Constructor | undefined =>
  (globalThis as unknown as Record<string, Constructor | undefined>)[name];

class RealmCopy {
  /** The copies by their originals: a part that is referenced twice is copied once. */
  readonly #copies = new Map<object, object>();

  copyPart(part: unknown): unknown {
    if (typeof part !== 'object' || part === null) return part;
    return this.#copies.get(part) ?? this.#copyObject(part);
  }

  #copyObject(part: object): object {
    if (isPlainObject(part)) return this.#copyProperties(part, this.#register(part, {}));
    const name = getNativeName(part) ?? '';
    const Class = getClass(name);
    if (Class === undefined) return part;
    if (name === 'Array') {
      const copy = this.#register(part, new Array<unknown>((part as unknown[]).length));
      return this.#copyProperties(part, copy);
    }
    if (name === 'Map') return this.#copyMap(part as Map<unknown, unknown>);
    if (name === 'Set') return this.#copySet(part as Set<unknown>);
    if (name.endsWith('Error')) return this.#copyError(part, this.#register(part, new Class()));
    // An object of another realm may contain bytes of this one.
    return part instanceof Class ? part : this.#register(part, this.#copyLeaf(part, name, Class));
  }

  #copyLeaf(part: object, name: string, Class: Constructor): object {
    if (ArrayBuffer.isView(part)) {
      const buffer = this.copyPart(part.buffer);
      return new Class(buffer, part.byteOffset, name === 'DataView' ? part.byteLength : Object(part).length);
    }
    if (name === 'ArrayBuffer') return new Uint8Array(part as ArrayBuffer).slice().buffer;
    if (name === 'RegExp') return new RegExp((part as RegExp).source, (part as RegExp).flags);
    if (name === 'Date') return new Date(Number(part));
    // A boxed primitive.
    return Object(part.valueOf());
  }

  #copyMap(part: Map<unknown, unknown>): object {
    const copy = this.#register(part, new Map());
    for (const [key, member] of part) copy.set(this.copyPart(key), this.copyPart(member));
    return copy;
  }

  #copySet(part: Set<unknown>): object {
    const copy = this.#register(part, new Set());
    for (const member of part) copy.add(this.copyPart(member));
    return copy;
  }

  /** Message, stack and cause are not enumerable, and a stack may be an accessor. */
  #copyError(part: object, copy: object): object {
    for (const name of Object.getOwnPropertyNames(copy)) Reflect.deleteProperty(copy, name);
    for (const name of Object.getOwnPropertyNames(part)) {
      const value = this.copyPart(part[name as never]);
      const enumerable = Object.prototype.propertyIsEnumerable.call(part, name);
      Object.defineProperty(copy, name, { value, enumerable, writable: true, configurable: true });
    }
    return copy;
  }

  #copyProperties(part: object, copy: object): object {
    for (const [name, member] of Object.entries(part)) {
      const value = this.copyPart(member);
      Object.defineProperty(copy, name, { value, enumerable: true, writable: true, configurable: true });
    }
    return copy;
  }

  #register<T extends object>(part: object, copy: T): T {
    this.#copies.set(part, copy);
    return copy;
  }
}
