import { type Access, covers } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';

/** What a frame may do, decided once, at the handshake, and bound to its port. */
export interface Grant {
  /** Access by store name; `'*'` stands for every store that is not named. */
  readonly stores: Readonly<Record<string, Access>>;
}

/** Everything, for the application's own pages. */
export const FULL_GRANT: Grant = Object.freeze({ stores: Object.freeze({ '*': 'admin' }) });

/** @throws {DiskCacheError} `NOT_ALLOWED` unless the grant covers such an access to the store. */
export function demand(grant: Grant, store: string, needed: Access): void {
  const granted = accessTo(grant, store);
  if (granted !== undefined && covers(granted, needed)) return;
  throw new DiskCacheError(
    'NOT_ALLOWED',
    `This page was not granted "${needed}" on store "${store.slice(0, 64)}"; authorize(frame) in the main process decides`,
  );
}

function accessTo({ stores }: Grant, store: string): Access | undefined {
  if (Object.hasOwn(stores, store)) return stores[store];
  return Object.hasOwn(stores, '*') ? stores['*'] : undefined;
}
