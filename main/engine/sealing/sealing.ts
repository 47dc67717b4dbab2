import type { Statements } from '../sqlite/statements.ts';
import { encodeRecord, parseRecord, readStoredRecord } from './seal-record.ts';
import { KEY_ID_BYTES, Sealer } from './sealer.ts';
import { StoreKey } from './store-key.ts';

/** How an open store is sealed. */
export class Sealing {
  readonly #storeId: Uint8Array;
  readonly #current: StoreKey;
  /** The keys of values that are not sealed again yet. */
  readonly previous: readonly StoreKey[];
  readonly sealer: Sealer;
  /** Whether values that aren't sealed are accepted: while an unsealed store is being sealed. */
  readonly acceptsPlain: boolean;

  constructor(storeId: Uint8Array, current: StoreKey, previous: readonly StoreKey[], acceptsPlain: boolean) {
    this.#storeId = storeId;
    this.#current = current;
    this.previous = previous;
    this.acceptsPlain = acceptsPlain;
    this.sealer = new Sealer(current, previous);
  }

  get keyId(): number {
    return this.#current.id;
  }

  /** The first bytes of what is sealed with the current key. */
  get keyBytes(): Buffer {
    const bytes = Buffer.alloc(KEY_ID_BYTES);
    bytes.writeUInt32LE(this.keyId);
    return bytes;
  }

  /** The bytes of the record of this state. */
  get record(): Buffer {
    return encodeRecord(this.#storeId, this.acceptsPlain, [this.#current, ...this.previous]);
  }

  /** Whether every value is sealed with the current key. */
  get isComplete(): boolean {
    return this.previous.length === 0 && !this.acceptsPlain;
  }

  /** Returns the state when every value is sealed with the current key. */
  finish(): Sealing {
    return new Sealing(this.#storeId, this.#current, [], false);
  }

  /** Returns the state in which another key seals from now on. */
  withKey(encryptionKey: Uint8Array): Sealing {
    const key = new StoreKey(encryptionKey, this.#storeId);
    const others = [this.#current, ...this.previous].filter(({ id }) => id !== key.id);
    return new Sealing(this.#storeId, key, others, this.acceptsPlain);
  }

  /** Whether another process has begun to seal the store with a key that this one doesn't have. */
  hasChangedKeys(sql: Statements, keyId: number): boolean {
    const stored = readStoredRecord(sql);
    return stored !== undefined && (parseRecord(stored)?.keyIds.includes(keyId) ?? false);
  }
}
