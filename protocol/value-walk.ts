import { ERROR_PROPERTIES, isAttached, VALUE_DEPTH } from './cloneable.ts';
import { entryStep, indexStep, natureOf, propertyStep, shortened, shownValue } from './fault.ts';
import { isPlainObject, nativeKind } from './natives.ts';

/** One walk over a value, which finds the first part that can't be stored and whether JSON can hold the rest. */
export class ValueWalk {
  json = !inheritsToJson();
  complaint = '';
  readonly #jsonOnly: boolean;
  /** The steps to the offending part, innermost first; written on the way back from it, so that a sound value costs none. */
  readonly #steps: string[] = [];
  /** Objects met. Most values are one object: the set is made for the second. */
  #first: object | undefined;
  #seen: Set<object> | undefined;
  /** The objects around the part being looked at; kept only where a cycle is a fault. */
  readonly #open: object[] = [];

  constructor(jsonOnly: boolean) {
    this.#jsonOnly = jsonOnly;
  }

  path(): string {
    return this.#steps.reverse().join('');
  }

  /** False when a fault was found; then `complaint` and `path()` tell it. */
  start(value: unknown): boolean {
    try {
      return this.#visit(value, 0);
    } catch (error) {
      return this.#unreadable('', error);
    }
  }

  #visit(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true;
      case 'number':
        if (Number.isFinite(value) && !Object.is(value, -0)) return true;
        return this.#cloneOnly(value, Object.is(value, -0) ? '-0' : String(value));
      case 'undefined':
      case 'bigint':
        return this.#cloneOnly(value);
      case 'object':
        return value === null || this.#object(value, depth);
      default:
        return this.#refuse(natureOf(value));
    }
  }

  #object(value: object, depth: number): boolean {
    if (this.#met(value)) return this.#again(value);
    if (depth === VALUE_DEPTH) return this.#refuse(`nested deeper than ${VALUE_DEPTH} levels`);
    if (this.#jsonOnly) this.#open.push(value);
    const sound = this.#contents(value, depth + 1);
    if (this.#jsonOnly) this.#open.pop();
    return sound;
  }

  #contents(value: object, depth: number): boolean {
    const plain = isPlainObject(value);
    const kind = plain ? undefined : nativeKind(value);
    if (!plain && kind === undefined) return this.#refuse(natureOf(value));
    if (Object.getOwnPropertySymbols(value).length > 0) return this.#refuse('an object with a symbol as property name');
    if (plain) return this.#properties(value, Object.keys(value), depth);
    if (kind === 'Array') return this.#array(value as unknown[], depth);
    return this.#cloneOnly(value) && this.#native(kind as string, value, depth);
  }

  #array(value: unknown[], depth: number): boolean {
    const names = Object.keys(value);
    // Indices come first: as many names as elements, and the last an index, leaves room for neither hole nor property.
    if (names.length !== value.length || (names.length > 0 && names.at(-1) !== String(value.length - 1))) {
      return (
        this.#cloneOnly(value, 'an array with holes or named properties') &&
        this.#properties(value as object as Record<string, unknown>, names, depth)
      );
    }
    let index = 0;
    try {
      for (; index < value.length; index++) {
        if (!this.#visit(value[index], depth)) return this.#at(indexStep(index));
      }
      return true;
    } catch (error) {
      return this.#unreadable(indexStep(index), error);
    }
  }

  #properties(value: Record<string, unknown>, names: readonly string[], depth: number): boolean {
    let name = '';
    try {
      for (name of names) {
        if (!this.#visit(value[name], depth)) return this.#at(propertyStep(name));
      }
      return true;
    } catch (error) {
      return this.#unreadable(propertyStep(name), error);
    }
  }

  #native(kind: string, value: object, depth: number): boolean {
    if (ArrayBuffer.isView(value)) return this.#view(value);
    if (kind.endsWith('Error')) return this.#error(value, depth);
    const own = Object.keys(value)[kind === 'String' ? String(value).length : 0];
    if (own !== undefined) return this.#loses(value, own);
    switch (kind) {
      case 'RegExp':
        return (
          (value as RegExp).lastIndex === 0 ||
          this.#refuse('a RegExp with a lastIndex other than 0, which would be lost')
        );
      case 'ArrayBuffer':
        return isAttached(value as ArrayBuffer) || this.#refuse('a detached ArrayBuffer');
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
    const fault = members.findIndex((member) => !this.#visit(member, depth));
    return fault === -1 || this.#at(stepTo(fault));
  }

  #view(view: ArrayBufferView): boolean {
    if (Object.prototype.toString.call(view.buffer) !== '[object ArrayBuffer]') {
      return this.#refuse(`${natureOf(view)} on a SharedArrayBuffer`);
    }
    return isAttached(view.buffer) || this.#refuse(`${natureOf(view)} on a detached ArrayBuffer`);
  }

  #error(error: object, depth: number): boolean {
    for (const name of Object.getOwnPropertyNames(error)) {
      if (!ERROR_PROPERTIES.includes(name)) return this.#loses(error, name);
    }
    return this.#properties(error as Record<string, unknown>, Object.hasOwn(error, 'cause') ? ['cause'] : [], depth);
  }

  #met(value: object): boolean {
    if (this.#first === undefined) {
      this.#first = value;
      return false;
    }
    this.#seen ??= new Set([this.#first]);
    return this.#seen.size === this.#seen.add(value).size;
  }

  /** JSON writes a repeated object out again, which is equal; a cycle it can't write at all. */
  #again(value: object): boolean {
    if (!this.#jsonOnly) this.json = false;
    return !this.#open.includes(value) || this.#refuse('an object that contains itself, which JSON cannot hold');
  }

  #cloneOnly(value: unknown, what?: string): boolean {
    if (this.#jsonOnly) return this.#refuse(`${what ?? natureOf(value)}, which JSON cannot hold`);
    this.json = false;
    return true;
  }

  #loses(value: object, name: string): boolean {
    return this.#refuse(`${natureOf(value)} with the property ${JSON.stringify(shortened(name))}, which would be lost`);
  }

  #unreadable(step: string, error: unknown): boolean {
    this.#refuse(`not readable (${error instanceof Error ? shortened(error.message) : shownValue(error)})`);
    return this.#at(step);
  }

  #refuse(what: string): boolean {
    this.complaint = ` is ${what}`;
    return false;
  }

  #at(step: string): false {
    this.#steps.push(step);
    return false;
  }
}

/** A `toJSON` hung on a prototype would change what JSON writes; structured clone doesn't ask for it. */
const inheritsToJson = (): boolean => ([] as { toJSON?: unknown }).toJSON !== undefined;
