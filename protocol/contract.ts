import type { Key } from './key.ts';
import type { Range, SetOptions } from './options.ts';

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
  getMany(keys: readonly Key[]): readonly unknown[];
  has(key: Key): boolean;
  size(): number;
  page(of: PageOf, range?: Range, after?: Cursor): Page;
  set(key: Key, value: unknown, options?: SetOptions): void;
  setMany(entries: readonly (readonly [Key, unknown])[], options?: SetOptions): void;
  delete(key: Key): boolean;
  clear(): number;
}

/** What a caller must be granted, weakest first; a stronger one includes the weaker. */
export const ACCESS_LEVELS = ['read', 'write', 'admin'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

export const ACCESS = {
  get: 'read',
  getMany: 'read',
  has: 'read',
  size: 'read',
  page: 'read',
  set: 'write',
  setMany: 'write',
  delete: 'write',
  clear: 'admin',
} as const satisfies Record<keyof Contract, Access>;

export type Method = keyof Contract;

export const isMethod = (name: unknown): name is Method => typeof name === 'string' && Object.hasOwn(ACCESS, name);
