import type { Entry } from '../../../protocol/entry.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { shortened } from '../../../protocol/fault.ts';
import type { Key } from '../../../protocol/key.ts';
import { weightOf } from '../../../protocol/weight.ts';
import { isDamage } from '../damage.ts';
import { isLive } from '../policy/expiry.ts';
import type { Column } from '../sqlite/connection.ts';
import type { TagColumn, ValueRow } from '../sqlite/statements.ts';
import { assertReadable, spendDecoded } from '../values/allowance.ts';
import type { Stored } from '../values/check.ts';
import { decodeValue, restoreValue } from '../values/codec.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { MODE, ZSTD } from '../values/mode.ts';
import { toValueCheck } from '../values/row-check.ts';
import type { Core } from './core.ts';
import { storedOf } from './memory.ts';
import { noticeOthers, readsPast } from './others.ts';
import { explainDamage } from './standing.ts';
import { onSnapshot } from './transaction.ts';
import { hit, miss } from './uses.ts';

export function get(core: Core, key: Key): unknown {
  return read(core, encodeKey(key));
}

/** All from one moment. */
export function getMany(core: Core, keys: readonly Key[]): unknown[] {
  if (!Array.isArray(keys)) throw new DiskCacheError('BAD_OPTION', 'getMany takes an array of keys');
  const columns = keys.map(encodeKey);
  return despiteReplacement(core, () => onSnapshot(core, () => columns.map((column) => read(core, column))));
}

export function has(core: Core, key: Key): boolean {
  const column = encodeKey(key);
  noticeOthers(core);
  return core.sql.has.first(column, core.clock()) !== undefined;
}

export function getEntry(core: Core, key: Key): Entry | undefined {
  const facts = despiteReplacement(core, () => liveFacts(core, encodeKey(key), core.clock()));
  if (facts === undefined) return undefined;
  const { value, storedAt, usedAt, hits, tag, bytes, expiresAt } = facts;
  return {
    key,
    value,
    storedAt: Math.floor(storedAt),
    expiresAt: expiresAt ?? undefined,
    accessedAt: Math.floor(usedAt),
    hits,
    tag: tag === null || typeof tag === 'object' ? undefined : tag,
    bytes,
  };
}

function read(core: Core, key: KeyColumn): unknown {
  const { memory, time } = core;
  const { corrections } = time;
  if (memory.holds(key) || !readsPast(core)) noticeOthers(core);
  if (!memory.isOff) {
    const resident = memory.find(key);
    if (resident !== undefined) {
      if (!lives(core, key, resident.expiresAt)) return miss(core);
      hit(core, resident);
      return counted(resident.mode, restoreValue(resident.mode, storedOf(resident), core.codec));
    }
  }
  const row = core.sql.read.first(key);
  if (row === undefined || !lives(core, key, row[6])) return miss(core);
  const [id, mode, data, check, , file, expiresAt] = row;
  if (file !== null) return readLarge(core, key, row);
  // Plain bytes become the value, others are read from; a codec of the caller's own may write into what is kept below.
  const value = decodeAt(core, key, mode, data, check, memory.isOff || mode === MODE.bytes);
  const isKept = !memory.isOff && time.corrections === corrections;
  const kept = isKept ? memory.keep(key, id, mode, data as Stored, expiresAt) : undefined;
  hit(core, kept ?? { id, at: 0, hits: 0 });
  return value;
}

/** A value in a file. */
function readLarge(core: Core, key: KeyColumn, first: ValueRow): unknown {
  let row: ValueRow | undefined = first;
  return despiteReplacement(core, () => {
    row ??= core.sql.read.first(key);
    if (row === undefined || !lives(core, key, row[6])) return miss(core);
    const found = row;
    row = undefined;
    const value = readValue(core, key, found);
    hit(core, { id: found[0], at: 0, hits: 0 });
    return value;
  });
}

export interface Facts {
  readonly value: unknown;
  readonly storedAt: number;
  readonly usedAt: number;
  readonly expiresAt: number | null;
  readonly hits: number;
  readonly tag: TagColumn;
  readonly bytes: number;
}

/** The value of a live item and the rest of its row, past the memory tier. */
export function liveFacts(core: Core, key: KeyColumn, now: number): Facts | undefined {
  const row = core.sql.facts.first(key);
  if (row === undefined || !isLive(row[6], now)) return undefined;
  const [id, mode, data, check, bytes, file, expiresAt, storedAt, usedAt, hits, tag] = row;
  const value = readValue(core, key, [id, mode, data, check, bytes, file, expiresAt]);
  const use = core.uses.of(id);
  return {
    value,
    storedAt,
    usedAt: Math.max(usedAt, use?.at ?? usedAt),
    expiresAt,
    hits: hits + (use?.hits ?? 0),
    tag,
    bytes,
  };
}

/**
 * The value behind a row, from the row or its file.
 *
 * @throws {DiskCacheError} `CORRUPT`, with the key.
 */
export function readValue(core: Core, key: KeyColumn, row: ValueRow): unknown {
  const [, mode, data, check, bytes, file] = row;
  if (file === null) return decodeAt(core, key, mode, data, check, true);
  try {
    assertReadable(mode, bytes);
    const whole = core.files.read(file, { mode, bytes, check: toValueCheck(check, key) });
    return counted(mode, restoreValue(mode, whole, core.codec, true));
  } catch (error) {
    throw located(explainDamage(core, error), core, key);
  }
}

/** What a value that was read takes in a page of results: decompressed it may be far more than its row says. */
export const sizeIn = ([, mode, , , bytes]: readonly [...ValueRow, ...unknown[]], value: unknown): number =>
  mode < ZSTD ? bytes : Math.max(bytes, weightOf(value));

/** What a page reads is taken off what it may read. */
function counted(mode: number, value: unknown): unknown {
  spendDecoded(mode, value);
  return value;
}

/** `owned`: the data becomes the value without a copy where it can. */
function decodeAt(core: Core, key: KeyColumn, mode: number, data: Column, check: number, owned: boolean): unknown {
  try {
    return counted(mode, decodeValue(mode, data, toValueCheck(check, key), core.codec, owned));
  } catch (error) {
    throw located(error, core, key);
  }
}

/** A reader that comes between the commit of another process and its removal of the old file so often is out of luck. */
const ATTEMPTS = 10;

/**
 * Another process may replace an item between the reading of its row and that of its file, which is then missing: what is
 * damaged is read again before that is believed. Inside a transaction nobody can.
 */
export function despiteReplacement<T>(core: Core, work: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!isDamage(error) || core.transaction.depth > 0 || attempt === ATTEMPTS) throw error;
      core.connection.snapshot.release();
    }
  }
}

/** Whether an item that was just read is visible. Asks the clock only where something can expire. */
function lives(core: Core, key: KeyColumn, expiresAt: number | null): boolean {
  if (expiresAt === null) return true;
  const { corrections } = core.time;
  const now = core.clock();
  // The clock was found to be set back, and times on disk were put right meanwhile.
  if (core.time.corrections !== corrections) return core.sql.has.first(key, now) !== undefined;
  return isLive(expiresAt, now);
}

/** A fault of a value, with the place where it stands. */
function located(error: unknown, core: Core, key: KeyColumn): unknown {
  // What is too much for a page is no fault of the value.
  if (!(error instanceof DiskCacheError) || error.code === 'TOO_LARGE') return error;
  const name =
    typeof key === 'object'
      ? `x'${Buffer.from((key ?? new Uint8Array()).subarray(0, 64)).toString('hex')}'`
      : JSON.stringify(shortened(String(key)));
  return new DiskCacheError(error.code, `${error.message} (at key ${name} in ${core.directory})`, { cause: error });
}
