import type { Key } from '../../protocol/key.ts';
import type { Range, SetOptions } from '../../protocol/options.ts';

/** The face of a cache as promises: what the bare engine and the bridge have in common. */
export interface AsyncCache {
  get(key: Key): Promise<unknown>;
  getMany(keys: readonly Key[]): Promise<readonly unknown[]>;
  has(key: Key): Promise<boolean>;
  readonly size: Promise<number>;
  set(key: Key, value: unknown, options?: SetOptions): Promise<void>;
  setMany(entries: readonly (readonly [Key, unknown])[], options?: SetOptions): Promise<void>;
  delete(key: Key): Promise<boolean>;
  clear(): Promise<number>;
  keys(range?: Range): AsyncIterable<unknown>;
  values(range?: Range): AsyncIterable<unknown>;
  entries(range?: Range): AsyncIterable<unknown>;
}

/** A store under test, with a clock that stands still until it is moved. */
export interface OpenStore {
  readonly store: AsyncCache;
  /** Moves the store's clock by so many milliseconds. */
  advance(ms: number): void;
  close(): Promise<void>;
}

export async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}
