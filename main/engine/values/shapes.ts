import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { DiskCacheError } from '../../../protocol/error.ts';

export type Named = Record<PropertyKey, unknown>;

export const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

/** Used instead of a shape: the object is being visited; a path from the object leads back to a visited one. */
const IN_PROGRESS = -1;
const CIRCULAR = -2;

/**
 * Gives values numbers that are equal if and only if the values are deeply equal ("hash consing"). Each object is described once, by
 * the numbers of its parts; the parts of sets and maps, which have no order, are sorted.
 */
export class ShapeTable {
  /** Numbers of primitives, functions and prototypes, by identity. */
  readonly #numbers = new Map<unknown, number>();
  /** Numbers of ordered pairs of numbers. */
  readonly #pairs = new Map<number, number>();
  readonly #shapes = new Map<object, number>();
  #last = 0;

  /**
   * Returns the number of an object, or undefined if the object is cyclic. O(parts not seen before).
   *
   * @throws {DiskCacheError} `TOO_LARGE` if there are too many different parts.
   */
  getShape(object: object): number | undefined {
    const flat = this.#getFlatShape(object);
    if (flat !== undefined) return flat;
    const pending = [object];
    for (let part = pending.at(-1); part !== undefined; part = pending.at(-1)) {
      const shape = this.#shapes.get(part);
      if (shape === undefined || shape === IN_PROGRESS) {
        const before = pending.length;
        const found = this.#describe(part, shape === IN_PROGRESS, pending);
        this.#shapes.set(part, found);
        if (pending.length > before) continue;
      }
      pending.pop();
    }
    const shape = this.#shapes.get(object)!;
    return shape === CIRCULAR ? undefined : shape;
  }

  /** Adds parts without a shape to `pending` on the first visit. On the second, every part has a shape or lies on a cycle. */
  #describe(object: object, isSecondVisit: boolean, pending: object[]): number {
    if (!isSecondVisit) this.#shapes.set(object, IN_PROGRESS);
    const before = pending.length;
    const numbers: number[] = [];
    const parts = getParts(object);
    for (const inner of parts) {
      const number = isObject(inner) ? this.#shapes.get(inner) : this.#getNumber(inner);
      if (number === undefined) pending.push(inner as object);
      else if (number === CIRCULAR || (isSecondVisit && number === IN_PROGRESS)) return CIRCULAR;
      else numbers.push(number);
    }
    if (pending.length > before) return IN_PROGRESS;
    if (numbers.includes(IN_PROGRESS)) return CIRCULAR;
    return this.#fold(object, numbers);
  }

  #fold(object: object, numbers: readonly number[]): number {
    if (isPlain(object)) return this.#foldPlain(object, numbers);
    let folded = this.#pair(this.#getNumber(Object.getPrototypeOf(object)), this.#getNumber(getLeaf(object)));
    if (types.isSet(object)) {
      for (const number of numbers.toSorted((one, other) => one - other)) folded = this.#pair(folded, number);
      return folded;
    }
    const names = types.isMap(object) ? [] : getEnumerableNames(object);
    if (types.isMap(object)) {
      const half = numbers.length / 2;
      const entries = numbers.slice(0, half).map((key, at) => this.#pair(key, numbers[half + at]!));
      for (const entry of entries.sort((one, other) => one - other)) folded = this.#pair(folded, entry);
      return folded;
    }
    const named = names.map((name, at) => this.#pair(this.#getNumber(name), numbers[at]!));
    if (named.length > 1 && !Array.isArray(object)) named.sort((one, other) => one - other);
    for (const number of named) folded = this.#pair(folded, number);
    for (let at = names.length; at < numbers.length; at++) folded = this.#pair(folded, numbers[at]!);
    return folded;
  }

  /** Returns the shape of a small object of primitives, as most members of sets are: describing it again is faster than a lookup. */
  #getFlatShape(object: object): number | undefined {
    if (!isPlain(object)) return undefined;
    const numbers: number[] = [];
    for (const name of Object.keys(object)) {
      const value = (object as Named)[name];
      if (isObject(value) || numbers.length === MAX_FLAT_NAMES) return undefined;
      numbers.push(this.#getNumber(value));
    }
    return this.#foldPlain(object, numbers);
  }

  #foldPlain(object: object, numbers: readonly number[]): number {
    const named: number[] = [];
    for (const name of Object.keys(object)) named.push(this.#pair(this.#getNumber(name), numbers[named.length]!));
    if (named.length > 1) named.sort((one, other) => one - other);
    let folded = this.#getNumber(Object.prototype);
    for (const number of named) folded = this.#pair(folded, number);
    return folded;
  }

  #getNumber(part: unknown): number {
    const known = part === 0 && Object.is(part, -0) ? MINUS_ZERO : part;
    const number = this.#numbers.get(known);
    if (number !== undefined) return number;
    this.#numbers.set(known, this.#next());
    return this.#last;
  }

  #next(): number {
    if (this.#last === MAX_NUMBERS) throw tooEntangledError();
    return ++this.#last;
  }

  /** Numbers stay below 2^26, so a pair fits into one exact number. */
  #pair(first: number, second: number): number {
    const both = first * 2 ** 26 + second;
    const number = this.#pairs.get(both);
    if (number !== undefined) return number;
    this.#pairs.set(both, this.#next());
    return this.#last;
  }
}

const MAX_FLAT_NAMES = 8;
/** About 8 000 different small objects, which takes less than 100 ms. */
const MAX_NUMBERS = 25_000;

export const tooEntangledError = () =>
  new DiskCacheError(
    'TOO_LARGE',
    'The values can’t be compared: they have sets or maps with too many objects in a different order, or with too many cyclic objects; compare smaller values',
  );

const MINUS_ZERO = Symbol('-0');

/** Whether an object is an object literal without symbol keys. */
const isPlain = (object: object): boolean =>
  Object.getPrototypeOf(object) === Object.prototype && Object.getOwnPropertySymbols(object).length === 0;

/** Returns the parts in an order that depends only on the object's kind and property names. */
function getParts(object: object): readonly unknown[] {
  if (isPlain(object)) return Object.values(object);
  if (types.isSet(object)) return [...object];
  if (types.isMap(object)) return [...object.keys(), ...object.values()];
  const values = getEnumerableNames(object).map((name) => (object as Named)[name]);
  if (types.isNativeError(object)) {
    const { name, message, cause, errors } = object as Error & { errors?: unknown };
    values.push(name, message, cause, errors);
  }
  return values;
}

/** Returns a primitive that stands for everything of an object except its parts. */
function getLeaf(object: object): unknown {
  if (Array.isArray(object)) return object.length;
  if (types.isDate(object)) return object.getTime();
  if (types.isRegExp(object)) return String(object);
  if (types.isBoxedPrimitive(object)) return object.valueOf();
  if (ArrayBuffer.isView(object)) return toDigest(new Uint8Array(object.buffer, object.byteOffset, object.byteLength));
  if (types.isAnyArrayBuffer(object)) return toDigest(new Uint8Array(object));
  return Object.prototype.toString.call(object);
}

const toDigest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

/** Returns the own enumerable property names, symbols included; without the indices of typed arrays and boxed strings. */
export function getEnumerableNames(value: object): PropertyKey[] {
  const names: PropertyKey[] = ArrayBuffer.isView(value) || types.isBoxedPrimitive(value) ? [] : Object.keys(value);
  const symbols = Object.getOwnPropertySymbols(value);
  if (symbols.length === 0) return names;
  return [...names, ...symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))];
}
