import { createDecipheriv, type DecipherGCM, pbkdf2Sync } from 'node:crypto';
import type { MoveSource } from '../../../protocol/move-source.ts';

/* An encrypted file of conf and electron-store: 16 bytes of initialization vector, a colon, the encrypted text and, with GCM, its tag. */

const VECTOR_BYTES = 16;
const SEPARATOR = 0x3a;
const KEY_BYTES = 32;
const ITERATIONS = 10_000;
const GCM_TAG_BYTES = 16;

/**
 * Returns the text of a file. A file without the separator isn't encrypted: conf encrypts an existing file only when it writes it. With a wrong
 * key or algorithm the bytes are returned as text, which then isn't JSON.
 */
export function decryptConf(
  bytes: Uint8Array,
  { encryptionKey, encryptionAlgorithm = 'aes-256-cbc' }: Pick<MoveSource, 'encryptionKey' | 'encryptionAlgorithm'>,
): string {
  const text = () => Buffer.from(bytes).toString('utf8');
  if (encryptionKey === undefined || bytes[VECTOR_BYTES] !== SEPARATOR) return text();
  const vector = bytes.subarray(0, VECTOR_BYTES);
  const payload = bytes.subarray(VECTOR_BYTES + 1);
  // The salt is the vector itself since conf 14, and its bytes decoded as UTF-8 before.
  for (const salt of [vector, Buffer.from(vector).toString('utf8')]) {
    try {
      const key = pbkdf2Sync(encryptionKey, salt, ITERATIONS, KEY_BYTES, 'sha512');
      return decrypt(encryptionAlgorithm, key, vector, payload);
    } catch {
      // The other salt, or plain text that happens to have a colon there.
    }
  }
  return text();
}

function decrypt(algorithm: string, key: Uint8Array, vector: Uint8Array, payload: Uint8Array): string {
  const tagBytes = algorithm === 'aes-256-gcm' ? GCM_TAG_BYTES : 0;
  const end = payload.length - tagBytes;
  if (end < 0) throw new Error('cut off');
  const decipher = createDecipheriv(algorithm, key, vector);
  if (tagBytes > 0) (decipher as DecipherGCM).setAuthTag(payload.subarray(end));
  const text = Buffer.concat([decipher.update(payload.subarray(0, end)), decipher.final()]).toString('utf8');
  // CBC and CTR don't detect a wrong key: only the right one gives JSON.
  JSON.parse(text);
  return text;
}
