import type { Key } from '../../../protocol/key.ts';
import { isLive } from '../space/policy.ts';
import type { TagColumn } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { findCore } from '../state/open-cores.ts';
import type { StoreSettings } from '../state/settings.ts';
import { ENCODING, ZSTD_FLAG } from '../values/encoding.ts';
import { encodeKey } from '../values/key.ts';
import { findReadable } from './pending-reads.ts';

/** What is known of an item without reading its value. Times are epoch milliseconds. */
export interface ItemFacts {
  readonly storedAt: number;
  readonly accessedAt: number;
  readonly expiresAt: number | undefined;
  readonly hits: number;
  readonly tag: string | number | undefined;
  /** Of the stored value. */
  readonly bytes: number;
  readonly encoding: keyof typeof ENCODING | 'unknown';
  readonly isCompressed: boolean;
  /** Whether the value is in a file of its own. */
  readonly isInFile: boolean;
}

/**
 * Returns what is known of a live item of a Cache, FanoutCache or Index; undefined if it is missing, or for a store of another kind. Reads no value
 * file, decodes nothing, and doesn't count as a use. O(log n).
 *
 * @throws {DiskCacheError} `BAD_KEY`, `CLOSED`.
 */
export function getItemFacts(store: object, key: Key): ItemFacts | undefined {
  const core = findCore(store, key);
  return core === undefined ? undefined : readFacts(core, key);
}

function readFacts(core: Core, key: Key): ItemFacts | undefined {
  const column = encodeKey(key);
  const now = core.clock();
  const pending = findReadable(core, column);
  if (pending !== undefined && !pending.isTouch) {
    const { data, expiresAt, stamp, tag, size, mode, id } = pending;
    if (data === null || !isLive(expiresAt, now)) return undefined;
    return toFacts(core, {
      id,
      mode,
      bytes: size,
      isInFile: false,
      expiresAt,
      storedAt: stamp,
      usedAt: stamp,
      hits: 0,
      tag,
    });
  }
  const row = pending === undefined ? core.sql.entry.first(column) : core.sql.entry.firstStored(column);
  if (row === undefined) return undefined;
  const [id, mode, , , bytes, file, , storedAt, usedAt, hits, tag] = row;
  const expiresAt = pending === undefined ? row[6] : pending.expiresAt;
  if (!isLive(expiresAt, now)) return undefined;
  return toFacts(core, { id, mode, bytes, isInFile: file !== null, expiresAt, storedAt, usedAt, hits, tag });
}

interface FactColumns {
  readonly id: number;
  readonly mode: number;
  readonly bytes: number;
  readonly isInFile: boolean;
  readonly expiresAt: number | null;
  readonly storedAt: number;
  readonly usedAt: number;
  readonly hits: number;
  readonly tag: TagColumn;
}

function toFacts({ accessBuffer }: Core, columns: FactColumns): ItemFacts {
  const { id, mode, bytes, isInFile, expiresAt, storedAt, usedAt, hits, tag } = columns;
  const access = accessBuffer.get(id);
  const plainMode = mode % ZSTD_FLAG;
  return {
    storedAt: Math.floor(storedAt),
    accessedAt: Math.floor(Math.max(usedAt, access?.accessedAt ?? usedAt)),
    expiresAt: expiresAt ?? undefined,
    hits: hits + (access?.hits ?? 0),
    tag: tag === null || typeof tag === 'object' ? undefined : tag,
    bytes,
    encoding: ENCODING_NAMES.find((name) => ENCODING[name] === plainMode) ?? 'unknown',
    isCompressed: mode >= ZSTD_FLAG,
    isInFile,
  };
}

const ENCODING_NAMES = Object.keys(ENCODING) as readonly (keyof typeof ENCODING)[];

/** Returns the settings that a Cache or FanoutCache has now, those of its directory included; undefined for other stores. */
export const getStoreSettings = (store: object): StoreSettings | undefined => findCore(store, '')?.settings;
