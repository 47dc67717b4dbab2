import {
  describeType,
  formatIndexStep,
  formatPropertyStep,
  getErrorMessage,
  joinPath,
  truncate,
} from './describe-value.ts';
import { isWellFormed, MAX_KEY_BYTES, MAX_KEY_DEPTH } from './key-limits.ts';
import { getNativeKind, isAttached } from './native-slots.ts';
import { isByteType, isPlainObject } from './native-types.ts';

/**
 * Identifies an item. Keys are equal when they are deeply equal: primitives by SameValueZero (`NaN` is a key, `1` and `1n` are two keys),
 * arrays element by element, plain objects regardless of property order.
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
 * Returns why something is not a `Key`, with the path to the offending part (`key[1].name is a function`); undefined if it is one. Finds
 * keys that are certainly too long; the exact limit is enforced where the key is encoded. O(size of the key).
 */
export function findKeyFault(key: unknown): string | undefined {
  if (typeof key === 'number') return undefined;
  return new KeyInspection().findFault(key, 0);
}

const MAX_KEY_BITS = BigInt(MAX_KEY_BYTES * 8);
const TOO_LONG_MESSAGE = `key is longer than ${MAX_KEY_BYTES} bytes`;

class KeyInspection {
  /** The containers around the current part. */
  readonly #ancestors: object[] = [];
  /** The path to the current part. */
  readonly #steps: string[] = ['key'];
  /** Each part takes at least its type byte, so this never exceeds the encoded length; it also bounds the walk. */
  #minBytes = 0;

  findFault(part: unknown, depth: number): string | undefined {
    this.#minBytes += 1 + (typeof part === 'string' ? part.length : 0);
    if (this.#minBytes > MAX_KEY_BYTES) return TOO_LONG_MESSAGE;
    switch (typeof part) {
      case 'string':
        return isWellFormed(part) ? undefined : `${this.#path()} is a string with a lone surrogate`;
      case 'number':
      case 'boolean':
        return undefined;
      case 'bigint':
        return part >> MAX_KEY_BITS === 0n || part >> MAX_KEY_BITS === -1n ? undefined : TOO_LONG_MESSAGE;
      case 'object':
        return part === null ? undefined : this.#findObjectFault(part, depth);
      default:
        return `${this.#path()} is ${describeType(part)}`;
    }
  }

  #findObjectFault(part: object, depth: number): string | undefined {
    if (this.#ancestors.includes(part)) return `${this.#path()} refers back to an object that contains it`;
    if (depth === MAX_KEY_DEPTH) return `${this.#path()} is nested deeper than ${MAX_KEY_DEPTH} levels`;
    this.#ancestors.push(part);
    try {
      return this.#findContentsFault(part, depth + 1);
    } catch (error) {
      return `${this.#path()} cannot be read (${truncate(getErrorMessage(error))})`;
    } finally {
      this.#ancestors.pop();
    }
  }

  #findContentsFault(part: object, depth: number): string | undefined {
    const kind = getNativeKind(part);
    const plain = kind === undefined && isPlainObject(part);
    if (!plain && kind !== 'Array' && kind !== 'Date' && !isByteType(kind))
      return `${this.#path()} is ${describeType(part)}`;
    if (Object.getOwnPropertySymbols(part).length > 0) return `${this.#path()} has a symbol as the name of a property`;
    if (plain) return this.#findRecordFault(part, depth);
    if (kind === 'Array') return this.#findArrayFault(part as unknown[], depth);
    return kind === 'Date' ? this.#findDateFault(part as Date) : this.#findBytesFault(part as Uint8Array);
  }

  #findBytesFault(part: Uint8Array): string | undefined {
    if (Object.prototype.toString.call(part.buffer) !== '[object ArrayBuffer]') {
      return `${this.#path()} is a view of a SharedArrayBuffer`;
    }
    if (!isAttached(part)) return `${this.#path()} is a view of a detached ArrayBuffer`;
    this.#minBytes += part.length;
    return this.#minBytes > MAX_KEY_BYTES ? TOO_LONG_MESSAGE : undefined;
  }

  #findArrayFault(part: readonly unknown[], depth: number): string | undefined {
    if (part.length > MAX_KEY_BYTES) return TOO_LONG_MESSAGE;
    for (let index = 0; index < part.length; index++) {
      const fault = this.#step(formatIndexStep(index), part[index], depth);
      if (fault !== undefined) return fault;
    }
    const extra = Object.keys(part)[part.length];
    return extra === undefined
      ? undefined
      : `${this.#path()} is an array with the property ${JSON.stringify(truncate(extra))}`;
  }

  #findRecordFault(part: Record<string, unknown>, depth: number): string | undefined {
    for (const name of Object.keys(part)) {
      const step = formatPropertyStep(name);
      if (!isWellFormed(name)) return `${this.#path(step)} has a lone surrogate in its name`;
      const fault = this.#step(step, part[name], depth);
      if (fault !== undefined) return fault;
      this.#minBytes += name.length;
    }
    return undefined;
  }

  #findDateFault(date: Date): string | undefined {
    if (Number.isNaN(date.getTime())) return `${this.#path()} is an invalid Date`;
    const extra = Object.keys(date)[0];
    return extra === undefined
      ? undefined
      : `${this.#path()} is a Date with the property ${JSON.stringify(truncate(extra))}`;
  }

  #step(step: string, part: unknown, depth: number): string | undefined {
    this.#steps.push(step);
    const fault = this.findFault(part, depth);
    this.#steps.pop();
    return fault;
  }

  /** The path as printed in a message. */
  #path(...more: readonly string[]): string {
    return joinPath([...this.#steps, ...more]);
  }
}
