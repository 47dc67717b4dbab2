import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { DiskCacheError } from '../../../protocol/error.ts';

type Named = Record<PropertyKey, unknown>;

const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

/** In the place of a shape: it is being looked at; a way leads from it to where it has been. */
const IN_PROGRESS = -1;
const CIRCULAR = -2;

/**
 * Numbers for values, the same for those that are deeply equal and for no others ("hash consing"). Each object is described once,
 * by the numbers of its parts; those of sets and maps are sorted, for they have no order.
 */
export class ShapeTable {
  /** Of primitives, functions and prototypes, by identity. */
  readonly #numbers = new Map<unknown, number>();
  /** Of two numbers, one after the other. */
  readonly #pairs = new Map<number, number>();
  readonly #shapes = new Map<object, number>();
  #last = 0;

  /**
   * Undefined for an object from which a way leads back to where it has been. O(parts that were not met before).
   *
   * @throws {DiskCacheError} `TOO_LARGE`
   */
  getShape(object: object): number | undefined {
    const flat = this.#getFlatShape(object);
    if (flat !== undefined) return flat;
    const left = [object];
    for (let part = left.at(-1); part !== undefined; part = left.at(-1)) {
      const shape = this.#shapes.get(part);
      if (shape === undefined || shape === IN_PROGRESS) {
        const before = left.length;
        const found = this.#describe(part, shape === IN_PROGRESS, left);
        this.#shapes.set(part, found);
        if (left.length > before) continue;
      }
      left.pop();
    }
    const shape = this.#shapes.get(object)!;
    return shape === CIRCULAR ? undefined : shape;
  }

  /** What has no shape yet is added to what is left, the first time; the second time it has, or contains what is being looked at. */
  #describe(object: object, again: boolean, left: object[]): number {
    if (!again) this.#shapes.set(object, IN_PROGRESS);
    const before = left.length;
    const numbers: number[] = [];
    const parts = getParts(object);
    for (const inner of parts) {
      const number = isObject(inner) ? this.#shapes.get(inner) : this.#getNumber(inner);
      if (number === undefined) left.push(inner as object);
      else if (number === CIRCULAR || (again && number === IN_PROGRESS)) return CIRCULAR;
      else numbers.push(number);
    }
    if (left.length > before) return IN_PROGRESS;
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

  /** A small object of primitives, as most members of sets are: it is described again sooner than remembered. */
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

  /** Numbers stay below 2^26, so both fit into one that is exact. */
  #pair(first: number, second: number): number {
    const both = first * 2 ** 26 + second;
    const number = this.#pairs.get(both);
    if (number !== undefined) return number;
    this.#pairs.set(both, this.#next());
    return this.#last;
  }
}

const MAX_FLAT_NAMES = 8;
/** Some 8 000 different small objects, which takes less than 100 ms. */
const MAX_NUMBERS = 25_000;

export const tooEntangledError = () =>
  new DiskCacheError(
    'TOO_LARGE',
    'The values can’t be compared: they have sets or maps of too many objects in another order, or that refer back to each other',
  );

const MINUS_ZERO = Symbol('-0');

/** An object literal without symbols as names. */
const isPlain = (object: object): boolean =>
  Object.getPrototypeOf(object) === Object.prototype && Object.getOwnPropertySymbols(object).length === 0;

/** In an order that depends on the kind and the names alone. */
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

/** What an object is besides its parts, as a primitive. */
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

/** The properties by which objects are compared: own and enumerable ones, symbols too. Contents of views and Strings are none. */
export function getEnumerableNames(value: object): PropertyKey[] {
  const names: PropertyKey[] = ArrayBuffer.isView(value) || types.isBoxedPrimitive(value) ? [] : Object.keys(value);
  const symbols = Object.getOwnPropertySymbols(value);
  if (symbols.length === 0) return names;
  return [...names, ...symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))];
}
