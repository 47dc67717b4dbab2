import { isDeepStrictEqual, types } from 'node:util';
import { getEnumerableNames, ShapeTable, tooEntangledError } from './shapes.ts';

/** Steps of the plain comparison, which remembers nothing; nearly every value needs fewer. */
const MAX_PLAIN_STEPS = 4096;
const MAX_PLAIN_DEPTH = 32;
/** Steps of a whole comparison in which members of sets are tried against each other. */
const MAX_TRIAL_STEPS = 20_000;
const MAX_TRIAL_DEPTH = 200;

/**
 * Deep equality as `util.isDeepStrictEqual` has it, in time that grows with the size of the values and not with the number of paths
 * through them. Objects that refer to each other in circles are equal when no path from one leads to a difference from the other.
 *
 * @throws {DiskCacheError} `TOO_LARGE` for sets and maps of too many objects in another order, or that refer back.
 */
export function isEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return Object.is(one, other);
  }
  const plain = new PlainComparison().compare(one, other, 0);
  return plain ?? new GraphComparison().compare(one, other);
}

const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

/** Compares objects and arrays of primitives; undefined for what needs a memory. */
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

type Named = Record<PropertyKey, unknown>;

/**
 * Equality of graphs after Hopcroft and Karp, "A Linear Algorithm for Testing Equivalence of Finite Automata" (1971): two objects
 * that were met together are taken for equal from then on, so that there are fewer steps than objects. Members of sets, which have
 * no order, are compared by their shapes.
 */
class GraphComparison {
  readonly #parents = new Map<object, object>();
  /** Objects that got a parent, in order: a trial that fails takes its own back. */
  readonly #joined: object[] = [];
  readonly #shapes = new ShapeTable();
  #trials = 0;
  #steps = 0;

  compare(one: unknown, other: unknown): boolean {
    const left: unknown[] = [one, other];
    while (left.length > 0) {
      const second = left.pop();
      const first = left.pop();
      if (this.#trials > 0 && ++this.#steps > MAX_TRIAL_STEPS) throw tooEntangledError();
      if (!isObject(first) || !isObject(second)) {
        if (!Object.is(first, second)) return false;
      } else if (!this.#join(first, second) && !this.#expand(first, second, left)) return false;
    }
    return true;
  }

  /** Takes two objects for equal; true when they were already. */
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
    // The way up is made shorter only where no trial has to undo it.
    for (let at = object; this.#trials === 0 && at !== root; ) {
      const parent = this.#parents.get(at)!;
      this.#parents.set(at, root);
      at = parent;
    }
    return root;
  }

  /** Compares what two objects are by themselves; what they refer to is added to what is left. */
  #expand(first: object, second: object, left: unknown[]): boolean {
    if (Object.getPrototypeOf(first) !== Object.getPrototypeOf(second) || getTag(first) !== getTag(second))
      return false;
    if (Array.isArray(first) && first.length !== (second as unknown[]).length) return false;
    const names = getEnumerableNames(first);
    if (getEnumerableNames(second).length !== names.length) return false;
    for (const name of names) {
      if (!Object.prototype.propertyIsEnumerable.call(second, name)) return false;
      left.push((first as Named)[name], (second as Named)[name]);
    }
    if (types.isSet(first)) return this.#areSetsEqual(first, second as Set<unknown>);
    if (types.isMap(first)) return this.#areMapsEqual(first, second as Map<unknown, unknown>, left);
    if (types.isNativeError(first)) {
      for (const name of ERROR_NAMES) left.push((first as unknown as Named)[name], (second as unknown as Named)[name]);
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

  #areMapsEqual(first: Map<unknown, unknown>, second: Map<unknown, unknown>, left: unknown[]): boolean {
    if (first.size !== second.size) return false;
    const pairs: object[] = [];
    for (const [key, value] of first) {
      if (isObject(key)) pairs.push([key, value]);
      else if (second.has(key)) left.push(value, second.get(key));
      else return false;
    }
    return this.#matches(
      pairs,
      [...second].filter(([key]) => isObject(key)),
    );
  }

  /** Whether each of some objects has an equal one of its own among others. */
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

  /** What refers back has no shape: it is tried against each candidate. */
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

/** Whether small members come in the same order, as they do in a value that was stored and read. */
function isSameInOrder(objects: readonly object[], others: readonly object[]): boolean {
  const plain = new PlainComparison(MAX_PLAIN_STEPS + 16 * objects.length);
  return objects.every((object, at) => plain.compare(object, others[at], 0) === true);
}

/** Compared though they are not enumerable. */
const ERROR_NAMES = ['name', 'message', 'cause', 'errors'] as const;

const getTag = (value: object): string => Object.prototype.toString.call(value);

/** Dates, regular expressions, bytes, boxed primitives: they refer to no object. */
function isSameLeaf(first: object, second: object): boolean {
  const isKnown =
    ArrayBuffer.isView(first) ||
    types.isAnyArrayBuffer(first) ||
    types.isDate(first) ||
    types.isRegExp(first) ||
    types.isBoxedPrimitive(first);
  // Instances of an application's own classes, which its codec gives: their properties were compared.
  return !isKnown || isDeepStrictEqual(first, second);
}
