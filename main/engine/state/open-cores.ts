import type { Key } from '../../../protocol/key.ts';
import type { Core } from './core.ts';

/** Returns the core that has a key; those of a store without shards have one. */
type CoreResolver = (key: Key) => Core;

const resolvers = new WeakMap<object, CoreResolver>();

/** Makes the core of a store known to what looks into stores from outside; their classes don't show it. */
export function registerCore(store: object, resolve: CoreResolver): void {
  resolvers.set(store, resolve);
}

/** Returns the core that has a key of a store; undefined for a store of another kind. @throws {DiskCacheError} `CLOSED` */
export const findCore = (store: object, key: Key): Core | undefined => resolvers.get(store)?.(key);
