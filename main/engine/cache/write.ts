import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Key } from '../../../protocol/key.ts';
import type { CountOptions, SetOptions } from '../../../protocol/options.ts';
import { expiresAt } from '../policy/expiry.ts';
import { KEPT_MARK } from '../sqlite/statements.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { toRowCheck } from '../values/row-check.ts';
import { demandFunction, optionsOf, setOptionsOf, shown, storeEach, tagColumn } from './arguments.ts';
import type { Core } from './core.ts';
import { despiteLongLog } from './full-disk.ts';
import { type Item, place, prepare, using } from './item.ts';
import { KEPT, type KeptOptions } from './kept.ts';
import { noticeOthers } from './others.ts';
import { type Facts, liveFacts } from './read.ts';
import { atomically } from './transaction.ts';
import { afterWrite, beforeWrite } from './upkeep.ts';

export function set(core: Core, key: Key, value: unknown, options?: SetOptions): void {
  const now = core.clock();
  const column = encodeKey(key);
  const chosen = setOptionsOf(options);
  despiteLongLog(core, () => store(core, itemOf(core, column, value, now, chosen), now));
}

/** All or none. */
export function setMany(core: Core, entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): void {
  atomically(core, () => storeEach(entries, (key, value) => set(core, key, value, options)));
}

/** Whether it was stored: false when there is a live item. */
export function add(core: Core, key: Key, value: unknown, options?: SetOptions): boolean {
  const now = core.clock();
  const column = encodeKey(key);
  // Looked up before the work of encoding, and once more under the lock.
  noticeOthers(core);
  if (core.sql.has.first(column, now) !== undefined) return false;
  const item = itemOf(core, column, value, now, setOptionsOf(options));
  return using(core, item, () => {
    if (core.sql.has.first(column, now) !== undefined) return false;
    place(core, item, now);
    return true;
  });
}

const TOUCH_OPTIONS: ReadonlySet<string> = new Set(['ttl']);

/** Changes when a live item expires; nothing else. */
export function touch(core: Core, key: Key, options?: Pick<SetOptions, 'ttl'>): boolean {
  const now = core.clock();
  const column = encodeKey(key);
  const expiry = expiresAt(now, optionsOf(options, TOUCH_OPTIONS).ttl ?? core.settings.ttl);
  beforeWrite(core, now);
  const { changes } = core.sql.touch.run(expiry, column, now);
  if (changes === 0) return false;
  core.ledger.updated(expiry);
  core.memory.forget(column);
  afterWrite(core);
  return true;
}

/** Stores what `next` makes of the present value, undefined when there is none; expiry and tag stay unless given anew. */
export function update(core: Core, key: Key, next: (current: unknown) => unknown, options?: SetOptions): unknown {
  demandFunction(next, 'what makes the next value');
  return revise(core, key, (facts) => next(facts?.value), setOptionsOf(options));
}

const COUNT_OPTIONS: ReadonlySet<string> = new Set(['default']);

/** @throws {DiskCacheError} `BAD_VALUE` where something else than a number is, or a sum would not be exact. */
export function incr(core: Core, key: Key, delta = 1, options?: CountOptions): number {
  const { default: initial = 0 } = optionsOf(options, COUNT_OPTIONS);
  for (const number of [delta, initial]) {
    if (typeof number === 'number' && !Number.isNaN(number)) continue;
    throw new DiskCacheError('BAD_OPTION', `delta and default have to be numbers, not ${shownValue(number)}`);
  }
  return revise(core, key, (facts) => sumOf(facts ? facts.value : initial, delta, key), {}) as number;
}

export function decr(core: Core, key: Key, delta = 1, options?: CountOptions): number {
  return incr(core, key, typeof delta === 'number' ? -delta : delta, options);
}

/** Reads and writes an item in one transaction. */
function revise(core: Core, key: Key, next: (facts: Facts | undefined) => unknown, asked: SetOptions): unknown {
  const column = encodeKey(key);
  return atomically(core, () => {
    const now = core.clock();
    const facts = liveFacts(core, column, now);
    const value = next(facts);
    const item = itemOf(core, column, value, now, asked);
    const expiry = facts && asked.ttl === undefined ? facts.expiresAt : item.expiresAt;
    const tag = facts && asked.tag === undefined ? facts.tag : item.tag;
    store(core, { ...item, expiresAt: expiry, tag }, now);
    return value;
  });
}

function sumOf(current: unknown, delta: number, key: Key): number {
  if (typeof current !== 'number') {
    throw new DiskCacheError(
      'BAD_VALUE',
      `The value of ${shown(key)} is a ${typeof current}, not a number, and can't be counted; use update`,
    );
  }
  const sum = current + delta;
  if (Number.isInteger(current) && Number.isInteger(delta) && !Number.isSafeInteger(sum)) {
    throw new DiskCacheError(
      'BAD_VALUE',
      `${current} + ${delta} at ${shown(key)} would not be exact (beyond ±2^53); store a bigint and count with update`,
    );
  }
  return sum;
}

/** A value with its options as an item. */
export function itemOf(core: Core, key: KeyColumn, value: unknown, now: number, options: KeptOptions): Item {
  const { ttl, tag, [KEPT]: kept } = options;
  const expiry = expiresAt(now, ttl ?? core.settings.ttl);
  return prepare(core, key, value, expiry, kept ? KEPT_MARK : tag === undefined ? null : tagColumn(tag), now);
}

/** One statement where nothing but the row has to change, else a transaction. */
function store(core: Core, item: Item, now: number): void {
  const { ledger, uses } = core;
  const simple = item.staged === undefined && !uses.mayHold && now < ledger.nextExpiry && item.cost <= ledger.room;
  if (simple && put(core, item, now)) return;
  using(core, item, () => place(core, item, now));
}

/** False when the row needs more care, or when it could not be told afterwards whether it is a new one. */
function put(core: Core, { key, expiresAt: expiry, tag, mode, bytes, check, data, cost }: Item, now: number): boolean {
  const { sql, ledger } = core;
  if (!ledger.tellsInserts) ledger.learned(...(sql.lastIds.first() ?? [0, 0]));
  if (!ledger.tellsInserts) return false;
  const stamp = core.stamps.at(now);
  let result: ReturnType<typeof sql.put.run>;
  try {
    result = sql.put.run(key, stamp, stamp, expiry, tag, mode, bytes, toRowCheck(check, key), null, data, now);
  } catch (error) {
    // What failed in its commit has given an id all the same.
    ledger.forget();
    throw error;
  }
  if (result.changes === 0) return false;
  ledger.room -= cost;
  core.upkeep.bytes += cost;
  ledger.upserted(result.lastInsertRowid, expiry);
  core.memory.forget(key);
  afterWrite(core);
  return true;
}
