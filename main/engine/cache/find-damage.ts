import { isUint8Array } from 'node:util/types';
import type { Key } from '../../../protocol/key.ts';
import type { Finding } from '../../../protocol/results.ts';
import { openSealed, verifySealedFile } from '../sealing/sealed-values.ts';
import { isDamage } from '../sqlite/errors.ts';
import type { CheckRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { checksum, toValueChecksum } from '../values/encoding.ts';
import type { ExpectedFile } from '../values/file-store.ts';
import { decodeKey, type KeyColumn } from '../values/key.ts';

/** Returns what is wrong with an item, its value file included; undefined when it is whole. O(bytes of the value). */
export function findDamage(
  core: Core,
  [, column, file, size, mode, value, rowCheck]: CheckRow | readonly [...CheckRow, ...unknown[]],
): Finding | undefined {
  const key = tryDecodeKey(column);
  if (key === undefined)
    return { code: 'key', message: `A stored key of ${core.directory} is damaged; its item can't be reached` };
  const check = toValueChecksum(rowCheck, column);
  if (file !== null) return findFileDamage(core, column, key.key, file, { mode, bytes: size, crc: check });
  const whole = typeof value === 'string' || typeof value === 'number' || isUint8Array(value);
  const fault =
    whole && checksum(mode, value) === check
      ? core.sealing && findFault(() => openSealed(core, column, mode, value))
      : 'A stored value, or its key, has another checksum than when it was stored';
  return fault === undefined ? undefined : { code: 'value', message: fault, key: key.key };
}

/** Returns the message of the damage that `verify` reports. */
function findFault(verify: () => void): string | undefined {
  try {
    verify();
    return undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return error.message;
  }
}

function findFileDamage(
  core: Core,
  column: KeyColumn,
  key: Key,
  file: string,
  expected: { readonly mode: number; readonly bytes: number; readonly crc: number },
): Finding | undefined {
  const fault = findFault(() => verifyFile(core, column, file, expected));
  return fault === undefined ? undefined : { code: 'file', message: fault, key };
}

function verifyFile(core: Core, column: KeyColumn, file: string, expected: ExpectedFile): void {
  core.files.verify(file, expected);
  if (core.sealing !== undefined) verifySealedFile(core, column, expected, core.files.getPath(file));
}

function tryDecodeKey(column: KeyColumn): { readonly key: Key } | undefined {
  try {
    return { key: decodeKey(column) };
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
