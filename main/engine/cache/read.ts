import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { isLive } from '../policy/expiry.ts';
import type { ValueRow } from '../sqlite/statements.ts';
import { decodeValue } from '../values/codec.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { onSnapshot } from './transaction.ts';

export function get(core: Core, key: Key): unknown {
  const column = encodeKey(key);
  const row = core.sql.read.first(column);
  return row === undefined || !isLive(row[5], now(core, row[5])) ? undefined : readValue(core, column, row);
}

/** All from one moment. */
export function getMany(core: Core, keys: readonly Key[]): unknown[] {
  if (!Array.isArray(keys)) throw new DiskCacheError('BAD_OPTION', 'getMany takes an array of keys');
  return onSnapshot(core, () => keys.map((key) => get(core, key)));
}

export function has(core: Core, key: Key): boolean {
  return core.sql.has.first(encodeKey(key), core.clock()) !== undefined;
}

/** The value behind a row. */
export function readValue(core: Core, key: KeyColumn, [mode, value, checksum]: ValueRow): unknown {
  try {
    return decodeValue(mode, value, checksum, core.codec, true);
  } catch (error) {
    throw located(error, core, key);
  }
}

/** Asks the clock only where something can expire. */
const now = (core: Core, expiresAt: number | null): number => (expiresAt === null ? 0 : core.clock());

/** A fault of a value, with the place where it stands. */
function located(error: unknown, core: Core, key: KeyColumn): unknown {
  if (!(error instanceof DiskCacheError)) return error;
  const name = typeof key === 'object' ? `x'${Buffer.from(key).toString('hex')}'` : JSON.stringify(key);
  return new DiskCacheError(error.code, `${error.message}, at key ${name} in ${core.directory}`, { cause: error });
}
