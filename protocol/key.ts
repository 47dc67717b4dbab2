import { messageOf } from './error.ts';
import { indexStep, joinPath, natureOf, propertyStep, shortened } from './fault.ts';
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
  return new KeyInspection().fault(key, 0);
}

const KEY_BITS = BigInt(KEY_BYTES * 8);
const TOO_LONG = `key is longer than ${KEY_BYTES} bytes`;

class KeyInspection {
  /** The containers around the part being looked at. */
  readonly #open: object[] = [];
  /** The way to it. */
  readonly #steps: string[] = ['key'];
  /** Each part takes at least its type byte, so this never exceeds the encoded length; it also bounds the walk. */
  #atLeast = 0;

  fault(part: unknown, depth: number): string | undefined {
    this.#atLeast += 1 + (typeof part === 'string' ? part.length : 0);
    if (this.#atLeast > KEY_BYTES) return TOO_LONG;
    switch (typeof part) {
      case 'string':
        return isWellFormed(part) ? undefined : `${this.#path()} is a string with a lone surrogate`;
      case 'number':
      case 'boolean':
        return undefined;
      case 'bigint':
        return part >> KEY_BITS === 0n || part >> KEY_BITS === -1n ? undefined : TOO_LONG;
      case 'object':
        return part === null ? undefined : this.#objectFault(part, depth);
      default:
        return `${this.#path()} is ${natureOf(part)}`;
    }
  }

  #objectFault(part: object, depth: number): string | undefined {
    if (this.#open.includes(part)) return `${this.#path()} refers back to an object that contains it`;
    if (depth === KEY_DEPTH) return `${this.#path()} is nested deeper than ${KEY_DEPTH} levels`;
    this.#open.push(part);
    try {
      return this.#contentsFault(part, depth + 1);
    } catch (error) {
      return `${this.#path()} cannot be read (${shortened(messageOf(error))})`;
    } finally {
      this.#open.pop();
    }
  }

  #contentsFault(part: object, depth: number): string | undefined {
    const kind = nativeKind(part);
    const plain = kind === undefined && isPlainObject(part);
    if (!plain && kind !== 'Array' && kind !== 'Date' && !isByteKind(kind))
      return `${this.#path()} is ${natureOf(part)}`;
    if (Object.getOwnPropertySymbols(part).length > 0) return `${this.#path()} has a symbol as the name of a property`;
    if (plain) return this.#recordFault(part, depth);
    if (kind === 'Array') return this.#arrayFault(part as unknown[], depth);
    return kind === 'Date' ? this.#dateFault(part as Date) : this.#bytesFault(part as Uint8Array);
  }

  #bytesFault(part: Uint8Array): string | undefined {
    if (Object.prototype.toString.call(part.buffer) !== '[object ArrayBuffer]') {
      return `${this.#path()} is a view of a SharedArrayBuffer`;
    }
    if (!isAttached(part)) return `${this.#path()} is a view of a detached ArrayBuffer`;
    this.#atLeast += part.length;
    return this.#atLeast > KEY_BYTES ? TOO_LONG : undefined;
  }

  #arrayFault(part: readonly unknown[], depth: number): string | undefined {
    if (part.length > KEY_BYTES) return TOO_LONG;
    for (let index = 0; index < part.length; index++) {
      const fault = this.#step(indexStep(index), part[index], depth);
      if (fault !== undefined) return fault;
    }
    const extra = Object.keys(part)[part.length];
    return extra === undefined
      ? undefined
      : `${this.#path()} is an array with the property ${JSON.stringify(shortened(extra))}`;
  }

  #recordFault(part: Record<string, unknown>, depth: number): string | undefined {
    for (const name of Object.keys(part)) {
      const step = propertyStep(name);
      if (!isWellFormed(name)) return `${this.#path(step)} has a lone surrogate in its name`;
      const fault = this.#step(step, part[name], depth);
      if (fault !== undefined) return fault;
      this.#atLeast += name.length;
    }
    return undefined;
  }

  #dateFault(date: Date): string | undefined {
    if (Number.isNaN(date.getTime())) return `${this.#path()} is an invalid Date`;
    const extra = Object.keys(date)[0];
    return extra === undefined
      ? undefined
      : `${this.#path()} is a Date with the property ${JSON.stringify(shortened(extra))}`;
  }

  #step(step: string, part: unknown, depth: number): string | undefined {
    this.#steps.push(step);
    const fault = this.fault(part, depth);
    this.#steps.pop();
    return fault;
  }

  /** As it stands in a message. */
  #path(...more: readonly string[]): string {
    return joinPath([...this.#steps, ...more]);
  }
}
