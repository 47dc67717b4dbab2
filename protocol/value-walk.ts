import { hasSymbols, isDense, isKeptOfError, VALUE_DEPTH } from './cloneable.ts';
import { messageOf } from './error.ts';
import { entryStep, indexStep, joinPath, natureOf, propertyStep, shortened } from './fault.ts';
import { isAttached, nativeKind } from './native-kind.ts';
import { isPlainObject, nativeName, tagOf } from './natives.ts';

/**
 * One walk over a value, which finds the first part that structured clone would not give back equal, and says which and why. Never
 * throws, whatever the value does when it is read.
 */
export class ValueWalk {
  complaint = '';
  /** The steps to the offending part, innermost first; written on the way back from it. */
  readonly #steps: string[] = [];
  readonly #seen = new Set<object>();

  path(): string {
    return joinPath(this.#steps.toReversed());
  }

  /** False if a fault was found; then `complaint` and `path()` tell it. */
  start(value: unknown): boolean {
    return this.#step('', () => this.#visit(value, 0));
  }

  /** Whether a part may be one that only structured clone can hold. */
  protected cloneOnly(_part: unknown, _what?: string): boolean {
    return true;
  }

  /** Whether an object may be met a second time. */
  protected again(_value: object): boolean {
    return true;
  }

  protected object(value: object, depth: number): boolean {
    if (this.#seen.has(value)) return this.again(value);
    this.#seen.add(value);
    if (depth === VALUE_DEPTH) return this.refuse(`nested deeper than ${VALUE_DEPTH} levels`);
    const plain = isPlainObject(value);
    const kind = plain ? undefined : nativeKind(value);
    if (!plain && kind === undefined) return this.refuse(strangerText(value));
    if (hasSymbols(value)) return this.refuse('an object with a symbol as property name');
    if (plain) return this.#properties(value, Object.keys(value), depth + 1);
    if (kind === 'Array') return this.#array(value as unknown[], depth + 1);
    return this.cloneOnly(value) && this.#native(kind as string, value, depth + 1);
  }

  protected refuse(what: string): boolean {
    this.complaint = ` is ${what}`;
    return false;
  }

  #step(step: string, look: () => boolean): boolean {
    try {
      if (look()) return true;
    } catch (error) {
      this.refuse(`not readable (${shortened(messageOf(error))})`);
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
        return this.cloneOnly(part, Object.is(part, -0) ? '-0' : String(part));
      case 'undefined':
      case 'bigint':
        return this.cloneOnly(part);
      case 'object':
        return part === null || this.object(part, depth);
      default:
        return this.refuse(natureOf(part));
    }
  }

  #array(value: readonly unknown[], depth: number): boolean {
    const names = Object.keys(value);
    if (isDense(names, value.length)) {
      return names.every((_, index) => this.#step(indexStep(index), () => this.#visit(value[index], depth)));
    }
    return (
      this.cloneOnly(value, 'an array with holes or named properties') &&
      this.#properties(value as object as Record<string, unknown>, names, depth)
    );
  }

  #properties(value: Record<string, unknown>, names: readonly string[], depth: number): boolean {
    return names.every((name) => this.#step(propertyStep(name), () => this.#visit(value[name], depth)));
  }

  #native(kind: string, value: object, depth: number): boolean {
    if (ArrayBuffer.isView(value)) return this.#view(value);
    if (kind.endsWith('Error')) return this.#error(value as Error, depth);
    const own = Object.keys(value)[kind === 'String' ? String(value).length : 0];
    if (own !== undefined) return this.#loses(value, own);
    switch (kind) {
      case 'RegExp':
        return (
          (value as RegExp).lastIndex === 0 ||
          this.refuse('a RegExp with a lastIndex other than 0, which would be lost')
        );
      case 'ArrayBuffer':
        return isAttached(value as ArrayBuffer) || this.refuse('a detached ArrayBuffer');
      case 'Map':
        return this.#map(value as Map<unknown, unknown>, depth);
      case 'Set':
        return this.#members([...(value as Set<unknown>)], depth, (at) => `.values()${indexStep(at)}`);
      default:
        return true;
    }
  }

  #map(map: Map<unknown, unknown>, depth: number): boolean {
    const keys = [...map.keys()];
    return (
      this.#members(keys, depth, (at) => `.keys()${indexStep(at)}`) &&
      this.#members([...map.values()], depth, (at) => entryStep(keys[at], at))
    );
  }

  #members(members: readonly unknown[], depth: number, stepTo: (at: number) => string): boolean {
    return members.every((member, at) => this.#step(stepTo(at), () => this.#visit(member, depth)));
  }

  #view(view: ArrayBufferView): boolean {
    if (isAttached(view)) return true;
    const isShared = tagOf(view.buffer) !== 'ArrayBuffer';
    return this.refuse(`${natureOf(view)} on a ${isShared ? 'SharedArrayBuffer' : 'detached ArrayBuffer'}`);
  }

  #error(error: Error, depth: number): boolean {
    // The message before the stack, which is made of it when it is read.
    const names = Object.getOwnPropertyNames(error).sort();
    return names.every((name) => {
      if (!isKeptOfError(name, '')) return this.#loses(error, name);
      return this.#step(propertyStep(name), () => {
        const part = error[name as 'cause'];
        if (name === 'cause') return this.#visit(part, depth);
        return isKeptOfError(name, part) || this.refuse(`${natureOf(part)} and not a text`);
      });
    });
  }

  #loses(value: object, name: string): boolean {
    return this.refuse(`${natureOf(value)} with the property ${JSON.stringify(shortened(name))}, which would be lost`);
  }
}

/** How an object is called that is neither plain nor a native. */
function strangerText(value: object): string {
  const name = nativeName(value);
  return name === undefined ? natureOf(value) : `a proxy or an imitation of ${natureOf(value)}`;
}
