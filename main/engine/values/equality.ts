import { isDeepStrictEqual, types } from 'node:util';
import { getEnumerableNames, isObject, type Named, ShapeTable, tooEntangledError } from './shapes.ts';

/** Limit of the plain comparison, which keeps no record of visited objects. Nearly all values need fewer steps. */
const MAX_PLAIN_STEPS = 4096;
const MAX_PLAIN_DEPTH = 32;
/** Limit of a graph comparison for steps spent trying members of sets against each other. */
const MAX_TRIAL_STEPS = 20_000;
const MAX_TRIAL_DEPTH = 200;

/**
 * Deep equality as in `util.isDeepStrictEqual`, but in time proportional to the size of the values instead of the number of paths
 * through them. Cyclic objects are equal if no path through them reaches a difference.
 *
 * @throws {DiskCacheError} `TOO_LARGE` for sets and maps with too many objects in a different order, or with too many cyclic members.
 */
export function isEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return Object.is(one, other);
  }
  const plain = new PlainComparison().compare(one, other, 0);
  return plain ?? new GraphComparison().compare(one, other);
}

/** Compares plain objects and arrays. Returns undefined if the values need a `GraphComparison`. */
class PlainComparison {
  #stepsLeft: number;

  constructor(steps = MAX_PLAIN_STEPS) {
    this.#stepsLeft = steps;
  }

  compare(one: unknown, other: unknown, depth: number): boolean | undefined {
    if (!isObject(one) || !isObject(other)) return Object.is(one, other);
    if (one === other) return true;
    if (depth === MAX_PLAIN_DEPTH) return undefined;
    const prototype: unknown = Object.getPrototypeOf(one);
    if (Object.getPrototypeOf(other) !== prototype) return false;
    if (prototype !== Object.prototype && prototype !== Array.prototype) return undefined;
    if (Array.isArray(one) !== Array.isArray(other)) return false;
    if (Array.isArray(one) && one.length !== (other as unknown[]).length) return false;
    const names = Object.keys(one);
    this.#stepsLeft -= names.length + 1;
    if (this.#stepsLeft < 0) return undefined;
    if (Object.keys(other).length !== names.length) return false;
    if (Object.getOwnPropertySymbols(one).length > 0 || Object.getOwnPropertySymbols(other).length > 0)
      return undefined;
    for (const name of names) {
      if (!Object.prototype.propertyIsEnumerable.call(other, name)) return false;
      const equal = this.compare((one as Named)[name], (other as Named)[name], depth + 1);
      if (equal !== true) return equal;
    }
    return true;
  }
}

/**
 * Equality of graphs after Hopcroft and Karp, "A Linear Algorithm for Testing Equivalence of Finite Automata" (1971): once two objects
 * have been compared, they are assumed equal (union-find), so there are fewer steps than objects. Members of sets, which have no
 * order, are compared by their shapes.
 */
class GraphComparison {
  readonly #parents = new Map<object, object>();
  /** Objects in the order in which they got a parent, so that a failed trial can be undone. */
  readonly #joined: object[] = [];
  readonly #shapes = new ShapeTable();
  #trials = 0;
  #steps = 0;

  compare(one: unknown, other: unknown): boolean {
    const pending: unknown[] = [one, other];
    while (pending.length > 0) {
      const second = pending.pop();
      const first = pending.pop();
      if (this.#trials > 0 && ++this.#steps > MAX_TRIAL_STEPS) throw tooEntangledError();
      if (!isObject(first) || !isObject(second)) {
        if (!Object.is(first, second)) return false;
      } else if (!this.#join(first, second) && !this.#expand(first, second, pending)) return false;
    }
    return true;
  }

  /** Assumes that two objects are equal. Returns true if they were already assumed equal. */
  #join(first: object, second: object): boolean {
    const one = this.#root(first);
    const other = this.#root(second);
    if (one === other) return true;
    this.#parents.set(one, other);
    this.#joined.push(one);
    return false;
  }

  #root(object: object): object {
    let root = object;
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) {
      root = parent;
      if (this.#trials > 0) this.#steps++;
    }
    // Path compression, but not during a trial, which could not undo it.
    for (let at = object; this.#trials === 0 && at !== root; ) {
      const parent = this.#parents.get(at)!;
      this.#parents.set(at, root);
      at = parent;
    }
    return root;
  }

  /** Compares two objects without the objects they refer to, which are added to `pending`. */
  #expand(first: object, second: object, pending: unknown[]): boolean {
    if (Object.getPrototypeOf(first) !== Object.getPrototypeOf(second) || getTag(first) !== getTag(second))
      return false;
    if (Array.isArray(first) && first.length !== (second as unknown[]).length) return false;
    const names = getEnumerableNames(first);
    if (getEnumerableNames(second).length !== names.length) return false;
    for (const name of names) {
      if (!Object.prototype.propertyIsEnumerable.call(second, name)) return false;
      pending.push((first as Named)[name], (second as Named)[name]);
    }
    if (types.isSet(first)) return this.#areSetsEqual(first, second as Set<unknown>);
    if (types.isMap(first)) return this.#areMapsEqual(first, second as Map<unknown, unknown>, pending);
    if (types.isNativeError(first)) {
      for (const name of ERROR_NAMES)
        pending.push((first as unknown as Named)[name], (second as unknown as Named)[name]);
      return true;
    }
    return Array.isArray(first) || getTag(first) === 'Object' || isSameLeaf(first, second);
  }

  #areSetsEqual(first: Set<unknown>, second: Set<unknown>): boolean {
    if (first.size !== second.size) return false;
    const objects: object[] = [];
    for (const member of first) {
      if (isObject(member)) objects.push(member);
      else if (!second.has(member)) return false;
    }
    const others: object[] = [];
    for (const member of second) if (isObject(member)) others.push(member);
    return this.#matches(objects, others);
  }

  #areMapsEqual(first: Map<unknown, unknown>, second: Map<unknown, unknown>, pending: unknown[]): boolean {
    if (first.size !== second.size) return false;
    const pairs: object[] = [];
    for (const [key, value] of first) {
      if (isObject(key)) pairs.push([key, value]);
      else if (second.has(key)) pending.push(value, second.get(key));
      else return false;
    }
    return this.#matches(
      pairs,
      [...second].filter(([key]) => isObject(key)),
    );
  }

  /** Whether the two lists hold equal objects, in any order. */
  #matches(objects: readonly object[], others: readonly object[]): boolean {
    if (objects.length !== others.length) return false;
    if (isSameInOrder(objects, others)) return true;
    const counts = new Map<number, number>();
    const circular: object[] = [];
    const candidates = new Set<object>();
    for (const object of objects) {
      const shape = this.#shapes.getShape(object);
      if (shape === undefined) circular.push(object);
      else counts.set(shape, (counts.get(shape) ?? 0) + 1);
    }
    for (const object of others) {
      const shape = this.#shapes.getShape(object);
      if (shape === undefined) candidates.add(object);
      else {
        const count = counts.get(shape) ?? 0;
        if (count === 0) return false;
        counts.set(shape, count - 1);
      }
    }
    return circular.length === candidates.size && circular.every((object) => this.#takeEqual(object, candidates));
  }

  /** A cyclic object has no shape, so it is tried against each candidate. */
  #takeEqual(object: object, candidates: Set<object>): boolean {
    for (const candidate of candidates) {
      const joined = this.#joined.length;
      if (++this.#trials > MAX_TRIAL_DEPTH) throw tooEntangledError();
      const equal = this.compare(object, candidate);
      this.#trials--;
      if (equal) return candidates.delete(candidate);
      for (const one of this.#joined.splice(joined)) this.#parents.delete(one);
    }
    return false;
  }
}

/** Whether the members are equal in the same order, which is usual: a value that was stored and read keeps its order. */
function isSameInOrder(objects: readonly object[], others: readonly object[]): boolean {
  const plain = new PlainComparison(MAX_PLAIN_STEPS + 16 * objects.length);
  return objects.every((object, at) => plain.compare(object, others[at], 0) === true);
}

/** Properties of errors that are compared although they are not enumerable. */
const ERROR_NAMES = ['name', 'message', 'cause', 'errors'] as const;

const getTag = (value: object): string => Object.prototype.toString.call(value);

/** Compares dates, regular expressions, bytes and boxed primitives, which refer to no other object. */
function isSameLeaf(first: object, second: object): boolean {
  const isKnown =
    ArrayBuffer.isView(first) ||
    types.isAnyArrayBuffer(first) ||
    types.isDate(first) ||
    types.isRegExp(first) ||
    types.isBoxedPrimitive(first);
  // An instance of an application class (from a custom codec): its properties have been compared.
  return !isKnown || isDeepStrictEqual(first, second);
}
