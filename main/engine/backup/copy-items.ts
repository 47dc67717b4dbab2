import type { Finding } from '../../../protocol/results.ts';
import { findDamage } from '../cache/find-damage.ts';
import type { Column } from '../sqlite/connection.ts';
import { DEQUE_STATEMENTS } from '../sqlite/deque-statements.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import type { Replacement } from '../sqlite/replacement.ts';
import type { CheckRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';
import { readSkippingDamage, readSmallTable } from './damaged-tables.ts';

/** The columns of an item after its id: first those needed to find damage, in the order of `CheckRow`. */
const COLUMNS = ['key', 'file', 'size', 'mode', 'value', 'checksum', 'expires_at'];
const OTHER_COLUMNS = ['stored_at', 'used_at', 'hits', 'visited', 'tag', 'queue'];
const ALL_COLUMNS = [...COLUMNS, ...OTHER_COLUMNS];
type ItemRow = readonly [...CheckRow, expiresAt: Column, ...Column[]];

const ROW_SQL = `SELECT id, ${ALL_COLUMNS.join(', ')} FROM entry NOT INDEXED WHERE id = ?`;
/** The columns of a row up to its value, which may be readable if the end of the row is damaged. */
const ROW_BEGINNING_SQL = `SELECT id, ${COLUMNS.join(', ')} FROM entry NOT INDEXED WHERE id = ?`;
const FIND_IN_INDEX_SQL = 'SELECT id FROM entry INDEXED BY entry_key WHERE key = ?';

const IS_COPIED_SQL = 'SELECT 1 FROM entry WHERE key = ?';
/** The first and the last position of each gap in a deque. */
const GAPS_SQL = `SELECT id + 1, following - 1 FROM (SELECT id, lead(id) OVER (ORDER BY id) AS following FROM entry)
  WHERE following > id + 1`;
const COPIED_BOUNDS_SQL = 'SELECT min(id), max(id) FROM entry';
/** Missing positions of a deque are looked up one by one; in a larger gap, this number at its start and at its end. */
const MAX_GAP_POSITIONS = 65_536;

const toPlaceholders = (columns: readonly string[]): string => columns.map(() => '?').join(', ');

/** Copies the undamaged items of a damaged store, and adds findings about the damaged ones that can be read. */
export function copyItems(core: Core, replacement: Replacement, findings: Finding[]): void {
  const copy = new ItemCopy(core, replacement);
  const isWhole = readSkippingDamage(core.connection, ALL_COLUMNS, {
    take: (row) => copy.take(row as unknown as ItemRow),
    skip: (id) => copy.fetch(id),
    isIdTrusted: (row) => copy.isIdTrusted(row as unknown as ItemRow),
  });
  if (!isWhole) for (const id of copy.findMissedIds()) copy.fetch(id);
  copy.insertMisplaced();
  findings.push(...copy.copyDoubtful());
}

class ItemCopy {
  readonly #core: Core;
  readonly #isDeque: boolean;
  readonly #replacement: Replacement;
  readonly #insertWithId: (...row: readonly Column[]) => number;
  readonly #insertAtEnd: (...row: readonly Column[]) => number;
  /** Rows that are damaged as the table has them; an item that was found twice is here twice. */
  readonly #doubtful: ItemRow[] = [];
  /** Undamaged items of a deque whose id and key name different positions. */
  readonly #misplaced = new Map<string, ItemRow>();

  constructor(core: Core, replacement: Replacement) {
    this.#core = core;
    this.#isDeque = core.kind === 'deque';
    this.#replacement = replacement;
    this.#insertWithId = replacement.statement(
      `INSERT OR IGNORE INTO entry (id, ${ALL_COLUMNS.join(', ')}) VALUES (?, ${toPlaceholders(ALL_COLUMNS)})`,
    );
    this.#insertAtEnd = replacement.statement(
      `INSERT OR IGNORE INTO entry (${ALL_COLUMNS.join(', ')}) VALUES (${toPlaceholders(ALL_COLUMNS)})`,
    );
  }

  take(item: ItemRow): void {
    const [id, key] = item;
    if (!this.#matchesIndex(item) && findDamage(this.#core, item) !== undefined) this.#doubtful.push(item);
    else if (this.#isDeque && id !== key) this.#misplaced.set(`${id} ${key}`, item);
    else this.#insert(item);
  }

  /** Whether something else confirms the id: the position in the row of a deque, otherwise the index. */
  isIdTrusted([id, key]: ItemRow): boolean {
    return this.#isDeque ? id === key : this.#findIdInIndex(key) === id;
  }

  /** Reads and takes the item with an id, or the columns of its row that can be read. */
  fetch(id: number): void {
    const { sql } = this.#core;
    const read = (text: string) => unlessCorrupt(() => sql.dynamic<Column[]>(text).first(id));
    const row = read(ROW_SQL) ?? read(ROW_BEGINNING_SQL);
    if (row === undefined || row[0] !== id) return;
    // If only its key is damaged, it is looked up in the index later, like a row found in the order of the table.
    this.take([...row, ...Array(ALL_COLUMNS.length + 1 - row.length).fill(null)] as unknown as ItemRow);
  }

  /** Returns ids of items that were not copied: those in the index, or those between others. */
  findMissedIds(): number[] {
    return this.#isDeque ? this.#findIdsInGaps() : this.#findIdsOnlyInIndex();
  }

  /**
   * Inserts items that name two positions, after those that name one: at the first position if it is free, otherwise at the second. If
   * both are free, the right one is decided when the deque is put in order.
   */
  insertMisplaced(): void {
    for (const item of this.#misplaced.values()) {
      const [id, key, ...rest] = item;
      if (this.#insertRow(id, item)) continue;
      if (typeof key === 'number' && this.#insertRow(key, [key, key, ...rest])) continue;
      this.#insertBehind(item);
    }
  }

  /** Copies damaged rows whose right key is in the index. Returns findings about the others. */
  copyDoubtful(): Finding[] {
    const keys = this.#readIndexedKeys();
    const findings = new Map<string, Finding>();
    for (const item of this.#doubtful) {
      const [id, , ...rest] = item;
      const candidates = (keys.get(id) ?? []).map((key): ItemRow => [id, key, ...rest]);
      const whole = candidates.find((candidate) => findDamage(this.#core, candidate) === undefined);
      if (whole !== undefined) this.#insert(whole);
      else {
        const finding = findDamage(this.#core, item)!;
        findings.set(`${finding.code} ${id} ${item[1]}`, finding);
      }
    }
    return [...findings.values()];
  }

  #insert(item: ItemRow): void {
    const [id, key] = item;
    // A page that is found twice brings the same items twice; another item with a damaged id goes to the end.
    if (!this.#insertRow(id, item) && !(this.#isDeque && id === key)) this.#insertBehind(item);
  }

  /** Returns false where the id, or the key, is taken. */
  #insertRow(id: number, item: ItemRow): boolean {
    return Number.isSafeInteger(id) && this.#insertWithId(id, ...this.#toColumns(item)) === 1;
  }

  #insertBehind(item: ItemRow): void {
    this.#insertAtEnd(...this.#toColumns(item));
  }

  #toColumns(item: ItemRow): Column[] {
    const now = this.#core.timestamps.from(this.#core.clock());
    const [, key, file, size, mode, value, check, expiresAt, storedAt, usedAt, hits, visited, tag, queue] = item;
    return [
      ...[key, file, size, mode, value, check],
      typeof expiresAt === 'number' ? expiresAt : null,
      toNumber(storedAt, now),
      toNumber(usedAt, now),
      toNumber(hits, 0),
      toNumber(visited, 0),
      tag ?? null,
      queue ?? null,
    ];
  }

  /**
   * Whether an item with a file agrees with the index. Then its file is not read: the store is locked during the copy, and `check` reads
   * files later.
   */
  #matchesIndex([id, key, file]: ItemRow): boolean {
    if (file === null || this.#isDeque) return file !== null;
    return this.#findIdInIndex(key) === id;
  }

  #findIdInIndex(key: KeyColumn): number | undefined {
    return unlessCorrupt(() => this.#core.sql.dynamic<[number]>(FIND_IN_INDEX_SQL).first(key))?.[0];
  }

  #findIdsInGaps(): number[] {
    const [first, last] = unlessCorrupt(() => DEQUE_STATEMENTS.bounds(this.#core.sql).first()) ?? [null, null];
    const [copied] = this.#replacement.query<[], [number | null, number | null]>(COPIED_BOUNDS_SQL)();
    const [firstCopied, lastCopied] = copied ?? [null, null];
    const gaps = this.#replacement.query<[], [from: number, to: number]>(GAPS_SQL)();
    if (first !== null && last !== null) {
      gaps.push([first, (firstCopied ?? last + 1) - 1]);
      if (lastCopied !== null) gaps.push([lastCopied + 1, last]);
    }
    return gaps.flatMap(([from, to]) => [
      ...toRange(from, Math.min(to, from + MAX_GAP_POSITIONS - 1)),
      ...toRange(Math.max(from + MAX_GAP_POSITIONS, to - MAX_GAP_POSITIONS + 1), to),
    ]);
  }

  #findIdsOnlyInIndex(): number[] {
    const ids: number[] = [];
    const findCopied = this.#replacement.query<[Column], [number]>(IS_COPIED_SQL);
    this.#readIndex((key, id) => {
      if (findCopied(key).length === 0) ids.push(id);
    });
    return ids;
  }

  /** Returns the keys in the index for doubtful ids: if the key in the table is damaged, the one in the index may not be. O(n). */
  #readIndexedKeys(): ReadonlyMap<number, readonly KeyColumn[]> {
    const keys = new Map<number, KeyColumn[]>(this.#doubtful.map(([id]) => [id, []]));
    if (keys.size > 0 && !this.#isDeque) this.#readIndex((key, id) => keys.get(id)?.push(key));
    return keys;
  }

  #readIndex(take: (key: KeyColumn, id: number) => void): void {
    readSmallTable(this.#core.connection, 'entry INDEXED BY entry_key', ['key', 'id'], 'key', ([key, id]) =>
      take(key as KeyColumn, Number(id)),
    );
  }
}

const toRange = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, nth) => from + nth);

const toNumber = (column: Column | undefined, otherwise: number): number =>
  typeof column === 'number' ? column : otherwise;
