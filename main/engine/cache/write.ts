import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { expiresAt, isLive } from '../policy/expiry.ts';
import { encodeValue } from '../values/codec.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { entriesOf, setOptionsOf, tagColumn } from './arguments.ts';
import type { Core } from './core.ts';
import { dropFewExpired } from './expire.ts';
import { size } from './size.ts';
import { atomically } from './transaction.ts';

export function set(core: Core, key: Key, value: unknown, options?: SetOptions): void {
  const now = core.clock();
  const { ttl, tag } = setOptionsOf(options);
  put(
    core,
    encodeKey(key),
    value,
    now,
    expiresAt(now, ttl ?? core.settings.ttl),
    tag === undefined ? null : tagColumn(tag),
  );
}

/** All or none. */
export function setMany(core: Core, entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): void {
  atomically(core, () => {
    for (const [key, value] of entriesOf(entries)) set(core, key, value, options);
  });
}

function put(
  core: Core,
  key: KeyColumn,
  value: unknown,
  now: number,
  expiry: number | null,
  tag: string | number | null,
): void {
  const { sql, ledger } = core;
  const { mode, data, bytes, check } = encodeValue(value, core.codec);
  const stamp = core.stamps.at(now);
  if (ledger.tellsInserts && now < ledger.nextExpiry) {
    const { changes, lastInsertRowid } = sql.put.run(
      key,
      stamp,
      stamp,
      expiry,
      tag,
      mode,
      bytes,
      check,
      null,
      data,
      now,
    );
    if (changes === 1) {
      ledger.upserted(lastInsertRowid, expiry);
      return;
    }
  }
  atomically(core, () => {
    if (now >= ledger.nextExpiry) dropFewExpired(core, now);
    const old = sql.locate.first(key);
    if (old && isLive(old[1], now)) {
      sql.update.run(key, stamp, stamp, expiry, tag, mode, bytes, check, null, data, old[0]);
      return ledger.updated(expiry);
    }
    if (old) {
      sql.deleteById.run(old[0]);
      ledger.deleted(1);
    }
    const { lastInsertRowid } = sql.insert.run(key, stamp, stamp, expiry, tag, mode, bytes, check, null, data);
    ledger.inserted(lastInsertRowid, expiry);
  });
}

/** Whether there was an item to delete. */
export function remove(core: Core, key: Key): boolean {
  const { sql, ledger } = core;
  const column = encodeKey(key);
  const now = core.clock();
  const { changes } = sql.deleteInline.run(column, now);
  if (changes > 0) ledger.deleted(changes);
  return changes > 0;
}

/** The number of items that were there. O(number of items). */
export function clear(core: Core): number {
  return atomically(core, () => {
    const items = size(core);
    core.ledger.deleted(core.sql.deleteAll.run().changes);
    return items;
  });
}
