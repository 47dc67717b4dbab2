import type { Finding } from '../../../protocol/check.ts';
import type { Key } from '../../../protocol/key.ts';
import { isDamage } from '../damage.ts';
import type { SuspectRow } from '../sqlite/statements.ts';
import { checkOf } from '../values/check.ts';
import { decodeKey, type KeyColumn } from '../values/key.ts';
import { toValueCheck } from '../values/row-check.ts';
import type { Core } from './core.ts';

/** Returns what is wrong with an item, its value file included; undefined when it is whole. O(bytes of the value). */
export function findFault(
  core: Core,
  [, column, file, size, mode, value, rowCheck]: SuspectRow | readonly [...SuspectRow, ...unknown[]],
): Finding | undefined {
  const key = keyOf(column);
  if (key === undefined)
    return { code: 'key', message: `A stored key of ${core.directory} is damaged; its item can't be reached` };
  const check = toValueCheck(rowCheck, column);
  if (file !== null) return faultOfFile(core, key.key, file, { mode, bytes: size, check });
  const whole = typeof value === 'string' || typeof value === 'number' || value instanceof Uint8Array;
  if (whole && checkOf(mode, value) === check) return undefined;
  return {
    code: 'value',
    message: 'A stored value, or its key, has another checksum than when it was stored',
    key: key.key,
  };
}

function faultOfFile(
  { files }: Core,
  key: Key,
  file: string,
  expected: { readonly mode: number; readonly bytes: number; readonly check: number },
): Finding | undefined {
  try {
    files.verify(file, expected);
    return undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { code: 'file', message: error.message, key };
  }
}

function keyOf(column: KeyColumn): { readonly key: Key } | undefined {
  try {
    return { key: decodeKey(column) };
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
