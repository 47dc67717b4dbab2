import type { Entry, Stats } from './entry.ts';
import type { Key } from './key.ts';
import type { CountOptions, QueueOptions, Range, SetOptions } from './options.ts';

/** Where a page of items ended. Opaque plain data: hand it back to get the next page. */
export type Cursor = unknown;

export interface Page<T = unknown> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: Cursor;
}

export type PageOf = 'keys' | 'values' | 'entries';

/**
 * The methods of a store that a page may call, written once: they type the client, they type the server, and at run time
 * they are the allow-list.
 */
export interface Contract {
  get(key: Key): unknown;
  getEntry(key: Key): Entry | undefined;
  getMany(keys: readonly Key[]): readonly unknown[];
  has(key: Key): boolean;
  peek(options?: QueueOptions): readonly [Key, unknown] | undefined;
  peekItem(options?: { readonly last?: boolean }): readonly [Key, unknown] | undefined;
  page(of: PageOf, range?: Range, after?: Cursor): Page;
  size(): number;
  volume(): number;
  stats(): Stats;
  set(key: Key, value: unknown, options?: SetOptions): void;
  setMany(entries: readonly (readonly [Key, unknown])[], options?: SetOptions): void;
  add(key: Key, value: unknown, options?: SetOptions): boolean;
  touch(key: Key, options?: Pick<SetOptions, 'ttl'>): boolean;
  incr(key: Key, delta?: number, options?: CountOptions): number;
  decr(key: Key, delta?: number, options?: CountOptions): number;
  delete(key: Key): boolean;
  deleteMany(keys: readonly Key[]): number;
  pop(key: Key): unknown;
  push(value: unknown, options?: QueueOptions & SetOptions): Key;
  pull(options?: QueueOptions): readonly [Key, unknown] | undefined;
  expire(): number;
  evict(tag: string | number): number;
  cull(): number;
  clear(): number;
}

/** What a caller must be granted, weakest first; a stronger one includes the weaker. */
export const ACCESS_LEVELS = ['read', 'write', 'admin'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

export const ACCESS = {
  get: 'read',
  getEntry: 'read',
  getMany: 'read',
  has: 'read',
  peek: 'read',
  peekItem: 'read',
  page: 'read',
  size: 'read',
  volume: 'read',
  stats: 'read',
  set: 'write',
  setMany: 'write',
  add: 'write',
  touch: 'write',
  incr: 'write',
  decr: 'write',
  delete: 'write',
  deleteMany: 'write',
  pop: 'write',
  push: 'write',
  pull: 'write',
  expire: 'write',
  evict: 'write',
  cull: 'write',
  clear: 'admin',
} as const satisfies Record<keyof Contract, Access>;

export type Method = keyof Contract;

export const isMethod = (name: unknown): name is Method => typeof name === 'string' && Object.hasOwn(ACCESS, name);
