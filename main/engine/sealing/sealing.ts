import type { Statements } from '../sqlite/statements.ts';
import { encodeRecord, parseRecord, readStoredRecord } from './seal-record.ts';
import { Sealer } from './sealer.ts';
import type { StoreKey } from './store-key.ts';

/** How an open store is sealed. */
export class Sealing {
  readonly #storeId: Uint8Array;
  readonly #current: StoreKey;
  /** The key of values that are not sealed again yet. */
  readonly previous: StoreKey | undefined;
  sealer: Sealer;
  /** Whether values that aren't sealed are accepted: while an unsealed store is being sealed. */
  acceptsPlain: boolean;

  constructor(storeId: Uint8Array, current: StoreKey, previous: StoreKey | undefined, acceptsPlain: boolean) {
    this.#storeId = storeId;
    this.#current = current;
    this.previous = previous;
    this.acceptsPlain = acceptsPlain;
    this.sealer = new Sealer(current, previous === undefined ? [] : [previous]);
  }

  get keyId(): number {
    return this.#current.id;
  }

  /** The bytes of the record of this state. */
  get record(): Buffer {
    const keys = this.previous === undefined ? [this.#current] : [this.#current, this.previous];
    return encodeRecord(this.#storeId, this.acceptsPlain, keys);
  }

  /** Returns the state when every value is sealed with the current key. */
  finish(): Sealing {
    return new Sealing(this.#storeId, this.#current, undefined, false);
  }

  /** Whether another process has begun to seal the store with a key that this one doesn't have. */
  hasChangedKeys(sql: Statements, keyId: number): boolean {
    const stored = readStoredRecord(sql);
    return stored !== undefined && (parseRecord(stored)?.keyIds.includes(keyId) ?? false);
  }
}
