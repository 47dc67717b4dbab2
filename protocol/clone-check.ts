import { hasSymbols, isClonedErrorProperty, isDense, MAX_VALUE_DEPTH } from './clone.ts';
import {
  describeType,
  formatEntryStep,
  formatIndexStep,
  formatPropertyStep,
  getErrorMessage,
  joinPath,
  truncate,
} from './describe-value.ts';
import { getNativeKind, isAttached } from './native-slots.ts';
import { getNativeName, getTag, isPlainObject } from './native-types.ts';

/**
 * Walks a value and finds the first part that structured clone would not return equal, with its path and the reason. Never throws, whatever
 * the value's getters do.
 */
export class CloneCheck {
  problem = '';
  /** The steps to the offending part, innermost first; filled while the recursion unwinds. */
  readonly #steps: string[] = [];
  readonly #seen = new Set<object>();

  getPath(): string {
    return joinPath(this.#steps.toReversed());
  }

  /** Returns false if a fault was found; `getPath()` and `problem` then describe it. */
  check(value: unknown): boolean {
    return this.#visitAt('', () => this.#visit(value, 0));
  }

  /** Returns whether the value may contain a part that only structured clone can represent. */
  protected allowCloneOnly(_part: unknown, _what?: string): boolean {
    return true;
  }

  /** Returns whether the same object may occur twice. */
  protected allowRepeated(_value: object): boolean {
    return true;
  }

  protected visitObject(value: object, depth: number): boolean {
    if (this.#seen.has(value)) return this.allowRepeated(value);
    this.#seen.add(value);
    if (depth === MAX_VALUE_DEPTH) return this.reject(`nested deeper than ${MAX_VALUE_DEPTH} levels`);
    const plain = isPlainObject(value);
    const kind = plain ? undefined : getNativeKind(value);
    if (!plain && kind === undefined) return this.reject(describeUnknownObject(value));
    if (hasSymbols(value)) return this.reject('an object with a symbol as property name');
    if (plain) return this.#visitProperties(value, Object.keys(value), depth + 1);
    if (kind === 'Array') return this.#visitArray(value as unknown[], depth + 1);
    return this.allowCloneOnly(value) && this.#visitNative(kind as string, value, depth + 1);
  }

  protected reject(what: string): boolean {
    this.problem = ` is ${what}`;
    return false;
  }

  #visitAt(step: string, visit: () => boolean): boolean {
    try {
      if (visit()) return true;
    } catch (error) {
      this.reject(`not readable (${truncate(getErrorMessage(error))})`);
    }
    this.#steps.push(step);
    return false;
  }

  #visit(part: unknown, depth: number): boolean {
    switch (typeof part) {
      case 'string':
      case 'boolean':
        return true;
      case 'number':
        if (Number.isFinite(part) && !Object.is(part, -0)) return true;
        return this.allowCloneOnly(part, Object.is(part, -0) ? '-0' : String(part));
      case 'undefined':
      case 'bigint':
        return this.allowCloneOnly(part);
      case 'object':
        return part === null || this.visitObject(part, depth);
      default:
        return this.reject(describeType(part));
    }
  }

  #visitArray(value: readonly unknown[], depth: number): boolean {
    const names = Object.keys(value);
    if (isDense(names, value.length)) {
      return names.every((_, index) => this.#visitAt(formatIndexStep(index), () => this.#visit(value[index], depth)));
    }
    return (
      this.allowCloneOnly(value, 'an array with holes or named properties') &&
      this.#visitProperties(value as object as Record<string, unknown>, names, depth)
    );
  }

  #visitProperties(value: Record<string, unknown>, names: readonly string[], depth: number): boolean {
    return names.every((name) => this.#visitAt(formatPropertyStep(name), () => this.#visit(value[name], depth)));
  }

  #visitNative(kind: string, value: object, depth: number): boolean {
    if (ArrayBuffer.isView(value)) return this.#visitView(value);
    if (kind.endsWith('Error')) return this.#visitError(value as Error, depth);
    const extra = Object.keys(value)[kind === 'String' ? String(value).length : 0];
    if (extra !== undefined) return this.#rejectLost(value, extra);
    switch (kind) {
      case 'RegExp':
        return (
          (value as RegExp).lastIndex === 0 ||
          this.reject('a RegExp with a lastIndex other than 0, which would be lost')
        );
      case 'ArrayBuffer':
        return isAttached(value as ArrayBuffer) || this.reject('a detached ArrayBuffer');
      case 'Map':
        return this.#visitMap(value as Map<unknown, unknown>, depth);
      case 'Set':
        return this.#visitMembers([...(value as Set<unknown>)], depth, (at) => `.values()${formatIndexStep(at)}`);
      default:
        return true;
    }
  }

  #visitMap(map: Map<unknown, unknown>, depth: number): boolean {
    const keys = [...map.keys()];
    return (
      this.#visitMembers(keys, depth, (at) => `.keys()${formatIndexStep(at)}`) &&
      this.#visitMembers([...map.values()], depth, (at) => formatEntryStep(keys[at], at))
    );
  }

  #visitMembers(members: readonly unknown[], depth: number, stepTo: (at: number) => string): boolean {
    return members.every((member, at) => this.#visitAt(stepTo(at), () => this.#visit(member, depth)));
  }

  #visitView(view: ArrayBufferView): boolean {
    if (isAttached(view)) return true;
    const isShared = getTag(view.buffer) !== 'ArrayBuffer';
    return this.reject(`${describeType(view)} on a ${isShared ? 'SharedArrayBuffer' : 'detached ArrayBuffer'}`);
  }

  #visitError(error: Error, depth: number): boolean {
    // Sorted so that `message` is read before `stack`, which the engine builds from the message on first read.
    const names = Object.getOwnPropertyNames(error).sort();
    return names.every((name) => {
      if (!isClonedErrorProperty(name, '')) return this.#rejectLost(error, name);
      return this.#visitAt(formatPropertyStep(name), () => {
        const part = error[name as 'cause'];
        if (name === 'cause') return this.#visit(part, depth);
        return isClonedErrorProperty(name, part) || this.reject(`${describeType(part)} and not a string`);
      });
    });
  }

  #rejectLost(value: object, name: string): boolean {
    return this.reject(
      `${describeType(value)} with the property ${JSON.stringify(truncate(name))}, which would be lost`,
    );
  }
}

/** Describes an object that is neither plain nor a known native type. */
function describeUnknownObject(value: object): string {
  const name = getNativeName(value);
  return name === undefined ? describeType(value) : `a proxy or an imitation of ${describeType(value)}`;
}

/**
 * Returns why a value can't be stored, with the path to the offending part (`value.user.avatar is a Blob`); undefined if it can be stored.
 * Never throws. O(size of the value); the contents of byte arrays are not visited.
 */
export function findValueFault(value: unknown, root = 'value', check = new CloneCheck()): string | undefined {
  return check.check(value) ? undefined : root + check.getPath() + check.problem;
}
