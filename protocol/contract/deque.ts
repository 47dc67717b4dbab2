import type { CheckOptions, Cursor, Finding, ResultPage } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/** Which values of a deque: all of them, from the first or from the last. */
export interface DequeRange {
  readonly reverse?: boolean;
  /** At most this many values. */
  readonly limit?: number;
}

/** The methods of a deque that a page may call: those of an array, and the engine's. */
export interface DequeContract<V = unknown> {
  /** Returns the value at an index (negative: counted from the end); undefined if the index is out of range. */
  at(index: number): V | undefined;
  /** Returns the value at one end (default the front) without removing it. */
  peek(options?: { readonly side?: 'front' | 'back' }): V | undefined;
  page(of: 'values' | 'items', range?: DequeRange, after?: Cursor): ResultPage;
  /** Returns the number of values. */
  length(): number;
  /** Returns the maximum length. */
  maxLength(): number;
  /** Returns the index of the first equal value, searching from an index; −1 if there is none. */
  indexOf(value: V, from?: number): number;
  includes(value: V): boolean;
  /** Returns the number of equal values. */
  count(value: V): number;
  /** Returns whether another sequence has equal values in the same order. */
  equals(values: Iterable<V>): boolean;
  /** Returns the bytes used on disk. */
  volume(): number;
  /** Adds values at the back; returns the new length. */
  push(...values: V[]): number;
  /** Adds values at the front, keeping their order; returns the new length. */
  unshift(...values: V[]): number;
  /** Adds all values of an iterable at the back, or none; returns the new length. */
  extend(values: Iterable<V>): number;
  /** Removes and returns the last value. */
  pop(): V | undefined;
  /** Removes and returns the first value. */
  shift(): V | undefined;
  /** Replaces the value at an index (negative: counted from the end). */
  set(index: number, value: V): void;
  /** Deletes the value at an index; returns whether there was one. */
  delete(index: number): boolean;
  /** Removes and returns a run of values, as `Array.prototype.splice` without new values. */
  splice(start: number, count?: number): V[];
  /** Removes the first equal value; returns whether there was one. */
  remove(value: V): boolean;
  /** Moves `count` values (default 1) from the back to the front, or from the front to the back if negative. */
  rotate(count?: number): void;
  /** Reverses the order in place. */
  reverse(): void;
  /** Deletes all values; returns how many there were. */
  clear(): number;
  /** Checks for damage; `repair` deletes damaged values and closes the gaps. */
  check(options?: CheckOptions): Finding[];
}

/** The methods that a cache doesn't have, or has with other arguments. */
export const DEQUE_ONLY_SIGNATURES: Pick<
  Signatures<DequeContract>,
  | 'at'
  | 'length'
  | 'maxLength'
  | 'indexOf'
  | 'includes'
  | 'count'
  | 'equals'
  | 'push'
  | 'unshift'
  | 'extend'
  | 'shift'
  | 'splice'
  | 'remove'
  | 'rotate'
  | 'reverse'
> = /* @__PURE__ */ (() => ({
  at: reads('plain'),
  length: reads(),
  maxLength: reads(),
  indexOf: reads('value', 'plain'),
  includes: reads('value'),
  count: reads('value'),
  equals: reads('values'),
  push: writes('...value'),
  unshift: writes('...value'),
  extend: writes('values'),
  shift: writes(),
  splice: writes('plain', 'plain'),
  remove: writes('value'),
  rotate: writes('plain'),
  reverse: writes(),
}))();

export const DEQUE_SIGNATURES: Signatures<DequeContract> = /* @__PURE__ */ (() => ({
  ...DEQUE_ONLY_SIGNATURES,
  peek: reads('plain'),
  page: reads('plain', 'range', 'plain'),
  volume: reads(),
  pop: writes(),
  set: writes('plain', 'value'),
  delete: writes('plain'),
  clear: administers(),
  check: administersAlone('plain'),
}))();
