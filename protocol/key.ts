import { messageOf } from './error.ts';
import { indexStep, natureOf, propertyStep, shortened } from './fault.ts';
import { KEY_BYTES, KEY_DEPTH } from './key-limits.ts';
import { isAttached, nativeKind } from './native-kind.ts';
import { isByteKind, isPlainObject } from './natives.ts';
import { isWellFormed } from './well-formed.ts';

/**
 * What an item is found by. Keys are equal when they are deeply equal: primitives by SameValueZero (`NaN` is a key, `1` and
 * `1n` are two keys), arrays element by element, plain objects whatever the order of their properties.
 */
export type Key =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly Key[]
  | { readonly [name: string]: Key };

/**
 * Why something is not a `Key`, with the path to the offending part (`key[1].name is a function`); undefined when it is one.
 * Keys that are certainly too long are found here, the exact limit is held where the key is encoded. O(size of the key).
 */
export function keyFault(key: unknown): string | undefined {
  if (typeof key === 'number') return undefined;
  return new KeyInspection().fault(key, 'key', 0);
}

const KEY_BITS = BigInt(KEY_BYTES * 8);
const TOO_LONG = `key is longer than ${KEY_BYTES} bytes`;

class KeyInspection {
  /** The containers around the part being looked at. */
  readonly #open: object[] = [];
  /** Each part takes at least its type byte, so this never exceeds the encoded length; it also bounds the walk. */
  #atLeast = 0;

  fault(part: unknown, path: string, depth: number): string | undefined {
    this.#atLeast += 1 + (typeof part === 'string' ? part.length : 0);
    if (this.#atLeast > KEY_BYTES) return TOO_LONG;
    switch (typeof part) {
      case 'string':
        return isWellFormed(part) ? undefined : `${path} is a string with a lone surrogate`;
      case 'number':
      case 'boolean':
        return undefined;
      case 'bigint':
        return part >> KEY_BITS === 0n || part >> KEY_BITS === -1n ? undefined : TOO_LONG;
      case 'object':
        return part === null ? undefined : this.#objectFault(part, path, depth);
      default:
        return `${path} is ${natureOf(part)}`;
    }
  }

  #objectFault(part: object, path: string, depth: number): string | undefined {
    if (this.#open.includes(part)) return `${path} refers back to an object that contains it`;
    if (depth === KEY_DEPTH) return `${path} is nested deeper than ${KEY_DEPTH} levels`;
    this.#open.push(part);
    try {
      return this.#contentsFault(part, path, depth + 1);
    } catch (error) {
      return `${path} cannot be read (${shortened(messageOf(error))})`;
    } finally {
      this.#open.pop();
    }
  }

  #contentsFault(part: object, path: string, depth: number): string | undefined {
    const kind = nativeKind(part);
    const plain = kind === undefined && isPlainObject(part);
    if (!plain && kind !== 'Array' && kind !== 'Date' && !isByteKind(kind)) return `${path} is ${natureOf(part)}`;
    if (Object.getOwnPropertySymbols(part).length > 0) return `${path} has a symbol as the name of a property`;
    if (plain) return this.#recordFault(part, path, depth);
    if (kind === 'Array') return this.#arrayFault(part as unknown[], path, depth);
    return kind === 'Date' ? dateFault(part as Date, path) : this.#bytesFault(part as Uint8Array, path);
  }

  #bytesFault(part: Uint8Array, path: string): string | undefined {
    if (Object.prototype.toString.call(part.buffer) !== '[object ArrayBuffer]') {
      return `${path} is a view of a SharedArrayBuffer`;
    }
    if (!isAttached(part)) return `${path} is a view of a detached ArrayBuffer`;
    this.#atLeast += part.length;
    return this.#atLeast > KEY_BYTES ? TOO_LONG : undefined;
  }

  #arrayFault(part: readonly unknown[], path: string, depth: number): string | undefined {
    if (part.length > KEY_BYTES) return TOO_LONG;
    for (let index = 0; index < part.length; index++) {
      const fault = this.fault(part[index], path + indexStep(index), depth);
      if (fault !== undefined) return fault;
    }
    const extra = Object.keys(part)[part.length];
    return extra === undefined
      ? undefined
      : `${path} is an array with the property ${JSON.stringify(shortened(extra))}`;
  }

  #recordFault(part: Record<string, unknown>, path: string, depth: number): string | undefined {
    for (const name of Object.keys(part)) {
      const at = path + propertyStep(name);
      const fault = isWellFormed(name) ? this.fault(part[name], at, depth) : `${at} has a lone surrogate in its name`;
      if (fault !== undefined) return fault;
      this.#atLeast += name.length;
    }
    return undefined;
  }
}

function dateFault(date: Date, path: string): string | undefined {
  if (Number.isNaN(date.getTime())) return `${path} is an invalid Date`;
  const extra = Object.keys(date)[0];
  return extra === undefined ? undefined : `${path} is a Date with the property ${JSON.stringify(shortened(extra))}`;
}
