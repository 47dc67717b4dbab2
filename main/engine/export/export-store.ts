import { setImmediate as nextTurn } from 'node:timers/promises';
import { isUint8Array } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { isWellFormed } from '../../../protocol/key-limits.ts';
import { streamValueFile, type ValueFileStream } from '../cache/byte-streams.ts';
import { getSize, readValue } from '../cache/read.ts';
import { isDamage } from '../sqlite/errors.ts';
import { type ExportRow, liveRow } from '../sqlite/export-statements.ts';
import type { ValueRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { assertFunction, assertOptions, assertSignal } from '../validate.ts';
import { toJson } from '../values/json-value.ts';
import { decodeKey } from '../values/key.ts';
import {
  type ExportKind,
  type ExportPosition,
  type ItemFacts,
  isPosition,
  LineWriter,
  MAX_VALUE_CHARACTERS,
  PART_BYTES,
} from './export-format.ts';
import { type FoundRow, readRows } from './export-rows.ts';

/** The progress of an export or import. */
export interface TransferProgress {
  readonly done: number;
  /** Items in the store when the export began. */
  readonly total: number;
  readonly unit: 'items';
}

/** Options of `export`. */
export interface ExportOptions {
  /** Continues an earlier export: only items behind the one with this `at`, which its line has. */
  readonly after?: ExportPosition;
  /** Ends the export: the iteration rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called about every 8 ms of work, and at the end. */
  readonly onProgress?: (progress: TransferProgress) => void;
}

const OPTIONS: ReadonlySet<string> = new Set(['after', 'signal', 'onProgress'] satisfies (keyof ExportOptions)[]);

/** What is exported. */
export interface ExportSource {
  readonly kind: ExportKind;
  /** Returns the stores that hold the items. Called for each batch, so that an export ends with its store. */
  open(): readonly Core[];
  /** See `ExportHeader`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The first position of a deque; its values are counted from there. */
  readonly first?: number;
  /** Of a store whose items are not its rows: their number, and the next ones; an empty array at the end. */
  readonly items?: {
    count(): number;
    readBatch(after: ExportPosition): readonly ExportItem[];
  };
}

/** An item that is exported. */
export interface ExportItem {
  readonly facts: ItemFacts;
  readonly value: unknown;
}

/** Settings, which are kept in an index, say what is exported or imported in an option of this name. */
export const STORED_IN_INDEX: unique symbol = Symbol('stored in an index');

/** A store that is kept in an index. */
export interface StoredInIndex {
  readonly [STORED_IN_INDEX]?: {
    readonly kind: 'settings';
    readonly settings: Readonly<Record<string, unknown>>;
    /** Checks an imported row, and returns what to store. */
    readonly validate?: (key: Key, value: unknown) => unknown;
  };
}

/** How long a slice may block the thread. */
export const SLICE_MS = 8;

/**
 * Yields a store as lines of JSON, without line breaks; docs/export-format.md. Memory holds one batch, and one part of a value that is stored
 * as plain bytes in a file; of other values one whole. Not a snapshot: each batch of at most 256 items and 512 KiB is read at one moment, and what is written
 * meanwhile is or isn't in it. O(bytes).
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the iteration rejects with what reading throws, such as `CORRUPT` for a damaged value.
 */
export function exportStore(source: ExportSource, options?: ExportOptions): AsyncGenerator<string, void, undefined> {
  const { after = -Infinity, signal, onProgress } = assertOptions(options, OPTIONS);
  assertSignal(signal);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  if (after !== -Infinity && !isPosition(after))
    throw new DiskCacheError('BAD_OPTION', 'after has to be the member at of a line of an earlier export');
  source.open();
  return writeLines(source, after, signal, onProgress);
}

async function* writeLines(
  source: ExportSource,
  after: ExportPosition,
  signal: AbortSignal | undefined,
  onProgress: ExportOptions['onProgress'],
): AsyncGenerator<string, void, undefined> {
  signal?.throwIfAborted();
  const [core, ...others] = source.open() as readonly [Core, ...Core[]];
  const total = source.items?.count() ?? [core, ...others].reduce((sum, shard) => sum + getSize(shard), 0);
  const start =
    source.first === undefined || after === -Infinity ? 0 : Math.max(0, (after as number) - source.first + 1);
  const lines = new LineWriter();
  const exportedAt = Math.floor(core.clock());
  yield lines.header({ kind: source.kind, exportedAt, settings: source.settings, items: total, start });
  let at = after;
  let done = 0;
  let sliceStart = performance.now();
  for (;;) {
    const batch = readBatch(source, at);
    if (batch.length === 0) break;
    for (const item of batch) {
      yield* item.write(lines);
      at = item.at;
      done++;
      if (performance.now() - sliceStart < SLICE_MS) continue;
      onProgress?.({ done, total, unit: 'items' });
      await nextTurn();
      signal?.throwIfAborted();
      source.open();
      sliceStart = performance.now();
    }
  }
  yield lines.end();
  onProgress?.({ done, total: Math.max(done, total), unit: 'items' });
}

interface UnwrittenItem {
  readonly at: ExportPosition;
  write(lines: LineWriter): AsyncGenerator<string, void> | Generator<string, void>;
}

function readBatch({ open, items }: ExportSource, after: ExportPosition): readonly UnwrittenItem[] {
  if (items === undefined)
    return readRows(open(), after).map((found) => ({ at: found.at, write: (lines) => writeItem(found, lines) }));
  return items
    .readBatch(after)
    .map(({ facts, value }) => ({ at: facts.at, write: (lines) => writeValue(facts, value, lines) }));
}

async function* writeItem({ core, at, row }: FoundRow, lines: LineWriter): AsyncGenerator<string, void> {
  const found = await readFresh(core, row);
  if (found === undefined) return;
  const facts = toFacts(core, at, found.row);
  if (found.file === undefined) return yield* writeValue(facts, found.value, lines);
  const { form, size, stream } = found.file;
  yield lines.large(facts, form, size);
  yield* toParts(found.firstChunk, lines);
  for await (const chunk of stream) yield* toParts(chunk, lines);
}

type FreshValue = { readonly row: ExportRow } & (
  | { readonly file: undefined; readonly value: unknown }
  | { readonly file: ValueFileStream; readonly firstChunk: Uint8Array }
);

/**
 * Reads the value of a row, or the beginning of its file, which stays open from then on. If the file is missing because the item was replaced since
 * the row was read, reads the row again; undefined if the item was deleted.
 */
async function readFresh(core: Core, first: ExportRow): Promise<FreshValue | undefined> {
  for (let row: ExportRow | undefined = first; row !== undefined; ) {
    try {
      const file = streamValueFile(core, row[11], toValueRow(row), MAX_VALUE_CHARACTERS);
      if (file === undefined) return { row, file, value: readValue(core, row[11], toValueRow(row)) };
      const { value: firstChunk } = await file.stream.next();
      return { row, file, firstChunk: firstChunk ?? new Uint8Array(0) };
    } catch (error) {
      const again: ExportRow | undefined = liveRow(core.sql).first(row[0], core.clock());
      if (!isDamage(error) || row[5] === null || again?.[5] === row[5]) throw error;
      row = again;
    }
  }
  return undefined;
}

function* writeValue(facts: ItemFacts, value: unknown, lines: LineWriter): Generator<string, void> {
  if (isUint8Array(value) && value.length > MAX_VALUE_CHARACTERS) {
    yield lines.large(facts, 'bytes', value.length);
    return yield* toParts(value, lines);
  }
  const isLongText = typeof value === 'string' && value.length > MAX_VALUE_CHARACTERS && isWellFormed(value);
  const json = isLongText ? value : JSON.stringify(toJson(value));
  if (json.length <= MAX_VALUE_CHARACTERS) return yield lines.item(facts, json);
  const bytes = Buffer.from(json);
  yield lines.large(facts, isLongText ? 'text' : 'json', bytes.length);
  yield* toParts(bytes, lines);
}

function* toParts(bytes: Uint8Array, lines: LineWriter): Generator<string, void> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield lines.part(bytes.subarray(at, at + PART_BYTES));
}

function toFacts({ kind }: Core, at: ExportPosition, row: ExportRow): ItemFacts {
  const [, , , , , , expiresAt, storedAt, , , tag, key, queue] = row;
  if (kind === 'deque') return { at, key: undefined };
  return {
    at,
    key: decodeKey(key),
    ...(tag !== null && (typeof tag === 'object' ? { isPinned: true } : { tag })),
    ...(expiresAt !== null && { expiresAt }),
    storedAt,
    ...(queue !== null && { queue: decodeKey(queue) }),
  };
}

const toValueRow = (row: ExportRow): ValueRow => row.slice(0, 7) as unknown as ValueRow;
