import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** The length of `encryptionKey` in bytes, and of every key derived from it. */
export const KEY_BYTES = 32;

/**
 * The key of one store, derived from the application's `encryptionKey` and the random id of the store, so that nothing sealed in one store can
 * be opened in another one. What is derived from it is HMAC-SHA256 of a purpose and a salt: a key derivation function with one block (NIST SP
 * 800-108 §4.1).
 */
export class StoreKey {
  readonly #key: Buffer;
  /** Names the key in what it has sealed: 32 bits that tell nothing about it. */
  readonly id: number;

  constructor(encryptionKey: Uint8Array, storeId: Uint8Array) {
    this.#key = computeMac(encryptionKey, 'deskcache store', storeId);
    this.id = computeMac(this.#key, 'id', NO_BYTES).readUInt32LE();
  }

  /** Returns a key for AES-256. About 3 µs. */
  deriveKey(purpose: 'values' | 'file', salt: Uint8Array): KeyObject {
    return createSecretKey(computeMac(this.#key, purpose, salt));
  }

  /** Returns the 32 bytes that show that the owner of the key has written a record. */
  sign(record: Uint8Array): Buffer {
    return computeMac(this.#key, 'record', record);
  }
}

const NO_BYTES = new Uint8Array(0);

const computeMac = (key: Uint8Array, purpose: string, bytes: Uint8Array): Buffer =>
  createHmac('sha256', key).update(`${purpose}\0`).update(bytes).digest();
