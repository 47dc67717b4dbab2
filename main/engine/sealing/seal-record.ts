import { timingSafeEqual } from 'node:crypto';
import { isUint8Array } from 'node:util/types';
import type { Statements } from '../sqlite/statements.ts';
import { StoreKey } from './store-key.ts';

/*
 * The record of a sealed store, on disk: as `seal` in the table of settings, and in the file `seal` beside the database, in case that table is
 * damaged.
 *
 *   version    1 byte: 1
 *   flags      1 byte: 1 while some values may not be sealed yet
 *   store id   16 bytes, random
 *   keys       1 byte: how many follow, 1 to 16; the first one seals, the others only open
 *   each key   its id in 4 bytes, little-endian, and HMAC-SHA256 of all above and the ids, by that key
 */

export const SEAL_SETTING = 'seal';
export const RECORD_FILE = 'seal';
export const STORE_ID_BYTES = 16;
const VERSION = 1;
const ACCEPTS_PLAIN = 1;
const KEYS_AT = 2 + STORE_ID_BYTES + 1;
const KEY_ID_BYTES = 4;
const MAC_BYTES = 32;
/** More rotations than that can't be unfinished at a time. */
export const MAX_KEYS = 16;
export const MAX_RECORD_BYTES = KEYS_AT + MAX_KEYS * (KEY_ID_BYTES + MAC_BYTES);

export interface SealRecord {
  readonly storeId: Uint8Array;
  /** Whether values that aren't sealed are accepted: while an unsealed store is being sealed. */
  readonly acceptsPlain: boolean;
  readonly keyIds: readonly number[];
  readonly macs: readonly Uint8Array[];
}

/** Returns the bytes of the record in the table of settings. */
export function readStoredRecord(sql: Statements): Uint8Array | undefined {
  const [, stored] = sql.settings.all().find(([name]) => name === SEAL_SETTING) ?? [];
  return isUint8Array(stored) ? stored : undefined;
}

/** Returns undefined for anything but a record. */
export function parseRecord(bytes: Uint8Array): SealRecord | undefined {
  const record = Buffer.from(bytes);
  const count = record[KEYS_AT - 1] ?? 0;
  if (record[0] !== VERSION || count < 1 || count > MAX_KEYS) return undefined;
  if (record.length !== KEYS_AT + count * (KEY_ID_BYTES + MAC_BYTES) || record[1]! > ACCEPTS_PLAIN) return undefined;
  const keyIds: number[] = [];
  const macs: Buffer[] = [];
  for (let at = KEYS_AT; at < record.length; at += KEY_ID_BYTES + MAC_BYTES) {
    keyIds.push(record.readUInt32LE(at));
    macs.push(record.subarray(at + KEY_ID_BYTES, at + KEY_ID_BYTES + MAC_BYTES));
  }
  return { storeId: record.subarray(2, 2 + STORE_ID_BYTES), acceptsPlain: record[1] === ACCEPTS_PLAIN, keyIds, macs };
}

/** Returns the bytes of the record of a store that is sealed with these keys. */
export function encodeRecord(storeId: Uint8Array, acceptsPlain: boolean, keys: readonly StoreKey[]): Buffer {
  const content = getSignedContent({ storeId, acceptsPlain, keyIds: keys.map(({ id }) => id) });
  const parts = keys.flatMap((key) => [toIdBytes(key.id), key.sign(content)]);
  return Buffer.concat([content.subarray(0, KEYS_AT), ...parts]);
}

/** Whether the record was written by an owner of the key. */
export function isSignedBy(record: SealRecord, key: StoreKey): boolean {
  const mac = record.macs[record.keyIds.indexOf(key.id)];
  return mac !== undefined && timingSafeEqual(mac, key.sign(getSignedContent(record)));
}

/** Whether a store with this record has values that are sealed with the key. */
export function isSealedWith(bytes: Uint8Array, encryptionKey: Uint8Array): boolean {
  const record = parseRecord(bytes);
  return record?.keyIds.includes(new StoreKey(encryptionKey, record.storeId).id) ?? false;
}

function getSignedContent({ storeId, acceptsPlain, keyIds }: Omit<SealRecord, 'macs'>): Buffer {
  const head = [VERSION, acceptsPlain ? ACCEPTS_PLAIN : 0];
  return Buffer.concat([Buffer.from(head), storeId, Buffer.from([keyIds.length]), ...keyIds.map(toIdBytes)]);
}

function toIdBytes(id: number): Buffer {
  const bytes = Buffer.alloc(KEY_ID_BYTES);
  bytes.writeUInt32LE(id);
  return bytes;
}
