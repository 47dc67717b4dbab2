import type { OnDamage, StoreDeclaration } from '../../protocol/stores.ts';

/** A store of a host, as the part of the host describes it that opens it. */
export interface StoreToOpen {
  /** Its path below the directory of the host, with `/`, such as `notes` or `_queues/mail`. */
  readonly name: string;
  readonly directory: string;
  readonly kind: StoreDeclaration['kind'] | 'queue';
  /** What was declared for this store. Default: what the host does with stores of the kind. */
  readonly onDamage?: OnDamage | undefined;
  /** The application's version of the data of an index. */
  readonly version?: number | undefined;
  /** A reader repairs nothing. */
  readonly readOnly?: boolean | undefined;
}

export interface CheckableStore {
  check(options: { readonly repair: boolean }): unknown;
  close(): void;
}

/** Opens a store by calling `open`; a host's opener may repair a damaged one and call it again. Throws what `open` does. */
export type StoreOpener = <S extends CheckableStore>(store: StoreToOpen, open: () => S) => S;

/** Repairs nothing. */
export const openAsItIs: StoreOpener = (_, open) => open();
