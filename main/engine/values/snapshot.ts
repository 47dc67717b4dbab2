import { types } from 'node:util';
import { hasSymbols, isDense, isKeptOfError, losesSome, VALUE_DEPTH } from '../../../protocol/cloneable.ts';
import { isAttached, nativeKind } from '../../../protocol/native-kind.ts';
import { isPlainObject } from '../../../protocol/natives.ts';

/** A value as it was at one moment: what its getters and proxies do when it is encoded changes nothing any more. */
export interface ValueSnapshot {
  /** Its Dates, RegExps and bytes are the original's: encode it before anything else runs. */
  readonly copy: unknown;
  /** Whether JSON, too, gives the copy back equal. */
  readonly json: boolean;
  /** Whether a part of the original is a proxy. Looked for only where JSON can't hold the copy. */
  readonly hasProxy: boolean;
}

/**
 * Takes a value as `toCopy` does for a page, faster, for a caller that encodes it at once; undefined exactly where `valueFault` finds a
 * fault. Each property is read once. O(size of the value); bytes are not looked at one by one.
 */
export function takeSnapshot(value: unknown): ValueSnapshot | undefined {
  const reader = new Reader();
  try {
    const copy = reader.part(value, 0);
    const json = reader.json && !inheritsToJson();
    return { copy, json, hasProxy: !json && reader.hasProxy };
  } catch {
    // Refused, or a getter or a proxy has thrown.
    return undefined;
  }
}

/** Throws anything for a part that can't be stored. */
class Reader {
  json = true;
  /** The objects that were met, and their copies at the same places. */
  readonly #originals: object[] = [];
  readonly #made: object[] = [];
  /** The places by original. To look through a few is faster than to make a map. */
  #places: Map<object, number> | undefined;

  get hasProxy(): boolean {
    return this.#originals.some(types.isProxy);
  }

  part(part: unknown, depth: number): unknown {
    switch (typeof part) {
      case 'string':
      case 'boolean':
        return part;
      case 'number':
        if (!Number.isFinite(part) || Object.is(part, -0)) this.json = false;
        return part;
      case 'object':
        return part === null ? null : this.#object(part, depth);
      case 'function':
      case 'symbol':
        throw part;
      default:
        this.json = false;
        return part;
    }
  }

  #object(value: object, depth: number): object {
    const place = this.#places === undefined ? this.#originals.indexOf(value) : (this.#places.get(value) ?? -1);
    if (place >= 0) {
      this.json = false;
      return this.#made[place]!;
    }
    if (depth === VALUE_DEPTH || hasSymbols(value)) throw value;
    if (isPlainObject(value)) return this.#record(value, depth + 1);
    const kind = nativeKind(value);
    if (kind === 'Array') return this.#array(value as unknown[], depth + 1);
    this.json = false;
    if (kind === undefined) throw value;
    if (kind.endsWith('Error')) return this.#error(value as Error, kind, depth + 1);
    if (losesSome(value, kind)) throw value;
    if (kind === 'Map') return this.#map(value as Map<unknown, unknown>, depth + 1);
    if (kind === 'Set') return this.#set(value as Set<unknown>, depth + 1);
    if ((ArrayBuffer.isView(value) || value instanceof ArrayBuffer) && !isAttached(value)) throw value;
    return this.#keep(value, value);
  }

  #record(value: object, depth: number): object {
    const copy: Record<string, unknown> = { ...value };
    this.#keep(value, copy);
    for (const name of Object.keys(copy)) {
      const part = copy[name];
      const kept = this.part(part, depth);
      if (kept !== part) copy[name] = kept;
    }
    return copy;
  }

  #array(value: readonly unknown[], depth: number): object {
    const copy: unknown[] = [];
    this.#keep(value, copy);
    const names = Object.keys(value);
    if (isDense(names, value.length)) {
      for (let index = 0; index < names.length; index++) copy.push(this.part(value[index], depth));
      return copy;
    }
    this.json = false;
    copy.length = value.length;
    for (const name of names) define(copy, name, this.part(value[name as never], depth));
    return copy;
  }

  #map(value: Map<unknown, unknown>, depth: number): object {
    const copy = new Map();
    this.#keep(value, copy);
    Map.prototype.forEach.call(value, (member, key) => copy.set(this.part(key, depth), this.part(member, depth)));
    return copy;
  }

  #set(value: Set<unknown>, depth: number): object {
    const copy = new Set();
    this.#keep(value, copy);
    Set.prototype.forEach.call(value, (member) => copy.add(this.part(member, depth)));
    return copy;
  }

  #error(value: Error, kind: string, depth: number): object {
    const copy = new (globalThis as unknown as Record<string, ErrorConstructor>)[kind]!();
    this.#keep(value, copy);
    // Of an error without one structured clone would keep the stack of this line.
    Reflect.set(copy, 'stack', undefined);
    for (const name of Object.getOwnPropertyNames(value)) {
      const part = this.part(value[name as 'cause'], depth);
      if (!isKeptOfError(name, part)) throw value;
      copy[name as 'cause'] = part;
    }
    return copy;
  }

  #keep<T extends object>(value: object, copy: T): T {
    const place = this.#originals.push(value) - 1;
    this.#made.push(copy);
    if (this.#places !== undefined) this.#places.set(value, place);
    else if (place === FEW) this.#places = new Map(this.#originals.map((original, at) => [original, at]));
    return copy;
  }
}

const FEW = 32;

const define = (object: object, name: string, value: unknown) =>
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });

/** A `toJSON` hung on a prototype would change what JSON writes; structured clone doesn't ask for it. */
export const inheritsToJson = (): boolean => ([] as { toJSON?: unknown }).toJSON !== undefined;
