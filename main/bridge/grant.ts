import { type Access, covers } from '../../protocol/contract/signature.ts';

/** What a frame may do, decided once, at the handshake, and bound to its port. */
export interface Grant {
  /** Access by store name; `'*'` stands for every store that is not named. */
  readonly stores: Readonly<Record<string, Access>>;
  /** How many bytes of keys and values it may write before it has to connect anew (a reload). Default: no limit. */
  readonly bytes?: number;
}

/** Everything, for the application's own pages. */
export const FULL_GRANT: Grant = Object.freeze({ stores: Object.freeze({ '*': 'admin' }) });

/** Whether a grant covers such an access to a store. */
export function grants(grant: Grant, store: string, needed: Access): boolean {
  const granted = accessTo(grant, store);
  return granted !== undefined && covers(granted, needed);
}

function accessTo({ stores }: Grant, store: string): Access | undefined {
  if (Object.hasOwn(stores, store)) return stores[store];
  return Object.hasOwn(stores, '*') ? stores['*'] : undefined;
}
