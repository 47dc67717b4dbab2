import type { Finding } from '../../../protocol/results.ts';
import { findDamage } from '../cache/read.ts';
import type { Column } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import type { Replacement } from '../sqlite/replacement.ts';
import type { CheckRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';
import { readSkippingDamage, readSmallTable } from './read-skipping-damage.ts';

/** The columns of an item after its id: first those needed to find damage, in the order of `CheckRow`. */
const COLUMNS = ['key', 'file', 'size', 'mode', 'value', 'checksum', 'expires_at'];
const OTHER_COLUMNS = ['stored_at', 'used_at', 'hits', 'visited', 'tag', 'queue'];
const ALL_COLUMNS = [...COLUMNS, ...OTHER_COLUMNS];
type ItemRow = readonly [...CheckRow, expiresAt: Column, ...Column[]];

const ROW_SQL = `SELECT id, ${ALL_COLUMNS.join(', ')} FROM entry NOT INDEXED WHERE id = ?`;
/** The columns of a row up to its value, which may be readable if the end of the row is damaged. */
const ROW_BEGINNING_SQL = `SELECT id, ${COLUMNS.join(', ')} FROM entry NOT INDEXED WHERE id = ?`;
const FIND_IN_INDEX_SQL = 'SELECT id FROM entry INDEXED BY entry_key WHERE key = ?';

/** Missing positions between two items of a deque are looked up one by one, in gaps of at most this size. */
const MAX_GAP_POSITIONS = 65_536;

export const toPlaceholders = (columns: readonly string[]): string => columns.map(() => '?').join(', ');

/** Copies the undamaged items of a damaged store, and adds findings about the damaged ones that can be read. */
export function copyItems(core: Core, replacement: Replacement, findings: Finding[]): void {
  const copy = new ItemCopy(core, replacement);
  const isWhole = readSkippingDamage(
    core.connection,
    ALL_COLUMNS,
    (row) => copy.take(row as unknown as ItemRow),
    (id) => copy.fetch(id),
  );
  if (!isWhole) for (const id of copy.findMissedIds()) copy.fetch(id);
  findings.push(...copy.copyDoubtful());
}

class ItemCopy {
  readonly #core: Core;
  readonly #isDeque: boolean;
  readonly #insertWithId: (...row: readonly Column[]) => number;
  readonly #insertAtEnd: (...row: readonly Column[]) => number;
  readonly #seen = new Set<number>();
  /** Rows that are damaged as the table has them. */
  readonly #doubtful: ItemRow[] = [];

  constructor(core: Core, fresh: Replacement) {
    this.#core = core;
    this.#isDeque = core.kind === 'deque';
    this.#insertWithId = fresh.statement(
      `INSERT OR IGNORE INTO entry (id, ${ALL_COLUMNS.join(', ')}) VALUES (?, ${toPlaceholders(ALL_COLUMNS)})`,
    );
    this.#insertAtEnd = fresh.statement(
      `INSERT OR IGNORE INTO entry (${ALL_COLUMNS.join(', ')}) VALUES (${toPlaceholders(ALL_COLUMNS)})`,
    );
  }

  take(item: ItemRow): void {
    this.#seen.add(item[0]);
    if (this.#matchesIndex(item) || findDamage(this.#core, item) === undefined) this.#insert(item);
    else this.#doubtful.push(item);
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

  /** Returns ids that the scan of a damaged table has missed: those in the index, or those between others. */
  findMissedIds(): number[] {
    return this.#isDeque ? this.#findIdsInGaps() : this.#findIdsOnlyInIndex();
  }

  /** Copies damaged rows whose right key is in the index. Returns findings about the others. */
  copyDoubtful(): Finding[] {
    const keys = this.#readIndexedKeys();
    return this.#doubtful.flatMap((item) => {
      const [id, , ...rest] = item;
      const candidates = (keys.get(id) ?? []).map((key): ItemRow => [id, key, ...rest]);
      const whole = candidates.find((candidate) => findDamage(this.#core, candidate) === undefined);
      if (whole !== undefined) this.#insert(whole);
      return whole === undefined ? [findDamage(this.#core, item)!] : [];
    });
  }

  #insert([id, ...columns]: ItemRow): void {
    const now = this.#core.timestamps.from(this.#core.clock());
    const [key, file, size, mode, value, check, expiresAt, storedAt, usedAt, hits, visited, tag, queue] = columns;
    const rest = [
      ...[key, file, size, mode, value, check],
      typeof expiresAt === 'number' ? expiresAt : null,
      toNumber(storedAt, now),
      toNumber(usedAt, now),
      toNumber(hits, 0),
      toNumber(visited, 0),
      tag ?? null,
      queue ?? null,
    ];
    // A page that is found twice gives the same items twice; a different item with a damaged id goes to the end.
    if (Number.isSafeInteger(id) && this.#insertWithId(id, ...rest) === 1) return;
    if (!(this.#isDeque && id === key)) this.#insertAtEnd(...rest);
  }

  /**
   * Whether an item with a file agrees with the index. Then its file is not read: the store is locked during the copy, and `check` reads
   * files later.
   */
  #matchesIndex([id, key, file]: ItemRow): boolean {
    if (file === null || this.#isDeque) return file !== null;
    return unlessCorrupt(() => this.#core.sql.dynamic<[number]>(FIND_IN_INDEX_SQL).first(key))?.[0] === id;
  }

  #findIdsInGaps(): number[] {
    const positions = [...this.#seen].sort((a, b) => a - b);
    return positions.flatMap((position, nth) => {
      const gap = (positions[nth + 1] ?? position) - position - 1;
      return gap > 0 && gap <= MAX_GAP_POSITIONS ? Array.from({ length: gap }, (_, at) => position + 1 + at) : [];
    });
  }

  #findIdsOnlyInIndex(): number[] {
    const ids: number[] = [];
    this.#readIndex((_, id) => {
      if (!this.#seen.has(id)) ids.push(id);
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

const toNumber = (column: Column | undefined, otherwise: number): number =>
  typeof column === 'number' ? column : otherwise;
