import type { CheckOptions, Cursor, Finding, ResultPage } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/** Which values of a deque: all, from the first or from the last one on. */
export interface DequeRange {
  readonly reverse?: boolean;
  /** At most this many values. */
  readonly limit?: number;
}

/** The methods of a deque that a page may call: those of an array, and the engine's. */
export interface DequeContract<V = unknown> {
  /** The value at an index, counted from the end when it is negative; undefined where nothing is. */
  at(index: number): V | undefined;
  /** Looks at the value at one end (the front). */
  peek(options?: { readonly side?: 'front' | 'back' }): V | undefined;
  page(of: 'values' | 'items', range?: DequeRange, after?: Cursor): ResultPage;
  /** The number of values. */
  length(): number;
  /** The greatest length. */
  maxLength(): number;
  /** The index of the first equal value, from an index on; −1 when there is none. */
  indexOf(value: V, from?: number): number;
  includes(value: V): boolean;
  /** How many values are equal. */
  count(value: V): number;
  /** Whether another sequence has equal values in the same order. */
  equals(values: Iterable<V>): boolean;
  /** Bytes on disk. */
  volume(): number;
  /** Adds values at the back; answers the new length. */
  push(...values: V[]): number;
  /** Adds values at the front, the first one frontmost; answers the new length. */
  unshift(...values: V[]): number;
  /** `push` for as many as an iterable gives, all or none. */
  extend(values: Iterable<V>): number;
  /** Takes the last value. */
  pop(): V | undefined;
  /** Takes the first value. */
  shift(): V | undefined;
  /** Replaces the value at an index, counted from the end when it is negative. */
  set(index: number, value: V): void;
  /** Takes out what is at an index; answers whether there was something. */
  delete(index: number): boolean;
  /** Takes out a stretch, as `Array.prototype.splice` without new values. */
  splice(start: number, count?: number): V[];
  /** Takes out the first value that is equal; answers whether there was one. */
  remove(value: V): boolean;
  /** Takes `count` values (1) from the back to the front, or from the front to the back when it is negative. */
  rotate(count?: number): void;
  /** Turns the order around. */
  reverse(): void;
  /** Deletes everything; answers how many values there were. */
  clear(): number;
  /** Looks for damage; `repair` deletes what is damaged, and the others close ranks. */
  check(options?: CheckOptions): Finding[];
}

export const DEQUE_SIGNATURES: Signatures<DequeContract> = /* @__PURE__ */ (() => ({
  at: reads('plain'),
  peek: reads('plain'),
  page: reads('plain', 'range', 'plain'),
  length: reads(),
  maxLength: reads(),
  indexOf: reads('value', 'plain'),
  includes: reads('value'),
  count: reads('value'),
  equals: reads('values'),
  volume: reads(),
  push: writes('...value'),
  unshift: writes('...value'),
  extend: writes('values'),
  pop: writes(),
  shift: writes(),
  set: writes('plain', 'value'),
  delete: writes('plain'),
  splice: writes('plain', 'plain'),
  remove: writes('value'),
  rotate: writes('plain'),
  reverse: writes(),
  clear: administers(),
  check: administersAlone('plain'),
}))();
