import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import type { StoreKey } from './store-key.ts';

/*
 * What is sealed, on disk:
 *
 *   key id      4 bytes, little-endian     which key of the store (`StoreKey.id`)
 *   salt       12 bytes                    random, chosen when a store is opened
 *   counter     4 bytes, little-endian     counts what was sealed since
 *   ciphertext                             as long as the plain bytes
 *   tag        16 bytes
 *
 * AES-256-GCM fails completely if a key is used twice with the same nonce. Random nonces of 96 bits allow 2^32 messages for each key (NIST SP
 * 800-38D §8.3), which would have to be counted on disk. Here each opening of a store has a key of its own, derived from the random salt,
 * and counts its nonces (the deterministic construction of §8.2.1): processes that have a store open at once need not agree on anything. Salts
 * repeat with a probability of 2^-32 after 2^32 openings.
 */

const ALGORITHM = 'aes-256-gcm';
export const TAG_BYTES = 16;
const GCM_OPTIONS = { authTagLength: TAG_BYTES };
const NONCE_BYTES = 12;
export const KEY_ID_BYTES = 4;
const SALT_BYTES = 12;
const COUNTER_AT = KEY_ID_BYTES + SALT_BYTES;
export const HEADER_BYTES = COUNTER_AT + 4;
/** Sealed bytes are longer than the plain ones by this. */
export const OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;
/** After this many, a new salt is chosen. */
const MAX_COUNTER = 2 ** 32 - 1;
/** Keys of earlier openings that are kept. Each takes about 300 bytes, and 3 µs to derive. */
const MAX_KEPT_KEYS = 4096;

/** Thrown for bytes that were not sealed by the key, or were changed since. */
export class SealBroken extends Error {}

/** Thrown for bytes sealed by a key that isn't known. */
export class UnknownKey extends SealBroken {
  readonly keyId: number;

  constructor(keyId: number) {
    super('they are sealed with an unknown key');
    this.keyId = keyId;
  }
}

/** Returns the id of the key that has sealed bytes. */
export const readKeyId = (sealed: Uint8Array): number =>
  sealed.length < KEY_ID_BYTES ? Number.NaN : toBuffer(sealed).readUInt32LE();

/** Seals with the current key, and opens what any of the keys has sealed. */
export class Sealer {
  readonly #keys: ReadonlyMap<number, StoreKey>;
  readonly current: StoreKey;
  #session: { readonly key: KeyObject; readonly header: Buffer; count: number } | undefined;
  /** Keys by the bytes of key id and salt. */
  readonly #opened = new Map<string, KeyObject>();

  constructor(current: StoreKey, others: readonly StoreKey[] = []) {
    this.current = current;
    this.#keys = new Map([...others, current].map((key) => [key.id, key]));
  }

  /** Seals bytes. The associated data isn't stored: opening them takes the same. About 5 µs, then 1 GB/s and more. */
  seal(plain: Uint8Array, associated: Uint8Array): Buffer {
    const header = this.#nextHeader();
    return sealBytes(this.#session!.key, toNonce(header), associated, plain, header);
  }

  /** @throws {SealBroken} */
  open(sealed: Uint8Array, associated: Uint8Array): Buffer {
    if (sealed.length < OVERHEAD_BYTES) throw new SealBroken('they are too short');
    const bytes = toBuffer(sealed);
    return openBytes(this.#findKey(bytes), toNonce(bytes), associated, bytes.subarray(HEADER_BYTES));
  }

  /** Returns the beginning of a new file, and its key. */
  beginFile(): { readonly header: Buffer; readonly key: KeyObject } {
    const header = Buffer.from(this.#nextHeader());
    return { header, key: this.current.deriveKey('file', header.subarray(KEY_ID_BYTES)) };
  }

  /** Returns the key of a file that begins with this header. @throws {SealBroken} */
  findFileKey(header: Uint8Array): KeyObject {
    if (header.length !== HEADER_BYTES) throw new SealBroken('they are too short');
    return this.#findStoreKey(readKeyId(header)).deriveKey('file', header.subarray(KEY_ID_BYTES));
  }

  #nextHeader(): Buffer {
    if (this.#session === undefined || this.#session.count === MAX_COUNTER) this.#session = this.#begin();
    const { header } = this.#session;
    header.writeUInt32LE(this.#session.count++, COUNTER_AT);
    return header;
  }

  #begin() {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(this.current.id);
    randomBytes(SALT_BYTES).copy(header, KEY_ID_BYTES);
    return { key: this.current.deriveKey('values', header.subarray(KEY_ID_BYTES, COUNTER_AT)), header, count: 0 };
  }

  #findKey(header: Buffer): KeyObject {
    const name = header.toString('latin1', 0, COUNTER_AT);
    const found = this.#opened.get(name);
    if (found !== undefined) return found;
    const key = this.#findStoreKey(readKeyId(header)).deriveKey('values', header.subarray(KEY_ID_BYTES, COUNTER_AT));
    if (this.#opened.size >= MAX_KEPT_KEYS) this.#opened.clear();
    this.#opened.set(name, key);
    return key;
  }

  #findStoreKey(id: number): StoreKey {
    const key = this.#keys.get(id);
    if (key === undefined) throw new UnknownKey(id);
    return key;
  }
}

/** Returns header, ciphertext and tag. */
export function sealBytes(
  key: KeyObject,
  nonce: Buffer,
  associated: Uint8Array,
  plain: Uint8Array,
  header: Uint8Array = NO_BYTES,
): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, GCM_OPTIONS);
  cipher.setAAD(associated);
  const ciphertext = cipher.update(plain);
  cipher.final();
  return Buffer.concat([header, ciphertext, cipher.getAuthTag()]);
}

const NO_BYTES = new Uint8Array(0);

/** Returns the plain bytes of ciphertext and tag, once the tag was checked. @throws {SealBroken} */
export function openBytes(key: KeyObject, nonce: Buffer, associated: Uint8Array, sealed: Buffer): Buffer {
  if (sealed.length < TAG_BYTES) throw new SealBroken('they are too short');
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, GCM_OPTIONS);
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    throw new SealBroken('they were changed, moved from another place, or sealed with another key');
  }
  return plain;
}

/** The nonce of a chunk of a file. */
export function toChunkNonce(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt8(Number(isLast), NONCE_BYTES - 5);
  nonce.writeUInt32LE(index, NONCE_BYTES - 4);
  return nonce;
}

function toNonce(header: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  header.copy(nonce, NONCE_BYTES - 4, COUNTER_AT, HEADER_BYTES);
  return nonce;
}

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
