import { setImmediate } from 'node:timers/promises';
import { DiskCacheError } from '../../../protocol/error.ts';
import { inDurableTransaction } from '../cache/configure.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { attachFile } from '../cache/write.ts';
import { deleteFileAfterCommit, removeReplaced } from '../space/delete-row.ts';
import { checkpoint } from '../space/maintenance.ts';
import type { Column } from '../sqlite/connection.ts';
import { isDamage } from '../sqlite/errors.ts';
import type { CheckRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { getCores } from '../state/open-cores.ts';
import { copyKey } from '../state/settings.ts';
import { assertFunction, assertOptions, assertSignal } from '../validate.ts';
import { assertChecksum } from '../values/codec.ts';
import { checksum, SEALED_FLAG, toRowChecksum, toValueChecksum } from '../values/encoding.ts';
import { readFileHead } from '../values/file-io.ts';
import { readFileAsStream, type StreamedFile, writeStreamToFile } from '../values/file-stream.ts';
import type { KeyColumn } from '../values/key.ts';
import { keepRecordFile, writeRecord } from './open-sealing.ts';
import { SEAL_SETTING } from './seal-record.ts';
import { getAssociatedData, openSealed, openSealedStream, sealChunks, toBytes, toPlainMode } from './sealed-values.ts';
import { KEY_ID_BYTES, readKeyId } from './sealer.ts';
import type { Sealing } from './sealing.ts';

export interface ResealOptions {
  /** 32 random bytes: the key that seals from now on. Default: that with which the store was opened. */
  readonly encryptionKey?: Uint8Array;
  /** Called after each step, a few milliseconds of work. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number; readonly unit: 'items' }) => void;
  /** Stops between two steps: the promise rejects with the signal's reason. Another call goes on. */
  readonly signal?: AbortSignal;
}

export interface ResealResult {
  /** How many values were sealed. */
  readonly items: number;
  /** How many could not be, because they are damaged: `check` tells which. */
  readonly damaged: number;
}

const OPTIONS: ReadonlySet<string> = new Set(['encryptionKey', 'onProgress', 'signal']);

/**
 * Seals every value of a store with its present key, or with a new one: those of an earlier key, and those that aren't sealed yet
 * (`encryptExisting`). It works in steps of a few milliseconds, and the store can be used meanwhile. After a crash, open the store with the new
 * key as `encryptionKey` and the other one as `previousEncryptionKey`, and call this again. When it has resolved, earlier keys are not
 * needed. Where values weren't sealed, the last step rewrites the database at once, so that no page holds any of them. O(bytes).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a store that isn't sealed, or was opened without `exclusive`; what writing throws.
 */
export async function reseal(store: object, options: ResealOptions = {}): Promise<ResealResult> {
  const { encryptionKey, onProgress, signal } = assertOptions(options, OPTIONS);
  const key = encryptionKey === undefined ? undefined : copyKey('encryptionKey', encryptionKey);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  assertSignal(signal);
  const cores = getCores('reseal', store);
  for (const core of cores) assertSealed(core);
  for (const core of cores) if (key !== undefined) changeSealing(core, core.sealing!.withKey(key));
  const runs = cores.filter(({ sealing }) => !sealing!.isComplete).map((core) => new ResealRun(core));
  const total = runs.reduce((sum, run) => sum + run.total, 0);
  for (const run of runs) {
    while (!run.step()) {
      await run.sealFiles();
      signal?.throwIfAborted();
      onProgress?.({ done: Math.min(total, sumUp(runs, 'done')), total, unit: 'items' });
      await setImmediate();
      assertOpen(store);
    }
  }
  return { items: sumUp(runs, 'items'), damaged: sumUp(runs, 'damaged') };
}

/** Whether a store is sealed. @throws {DiskCacheError} `CLOSED` */
export const isSealed = (store: object): boolean =>
  getCores('reseal', store).some(({ sealing }) => sealing !== undefined);

/** Whether a store has values that aren't sealed with its present key, and can seal them. @throws {DiskCacheError} `CLOSED` */
export const isResealDue = (store: object): boolean =>
  getCores('reseal', store).some(({ sealing, openOptions }) => sealing?.isComplete === false && openOptions.exclusive);

/** @throws {DiskCacheError} `CLOSED` */
const assertOpen = (store: object): void => void getCores('reseal', store);

const sumUp = (runs: readonly ResealRun[], name: 'items' | 'damaged' | 'done'): number =>
  runs.reduce((sum, run) => sum + run[name], 0);

/**
 * Others could write values with an earlier key after these were sealed again.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
function assertSealed({ sealing, directory, openOptions }: Core): void {
  if (sealing === undefined) {
    throw new DiskCacheError('BAD_OPTION', `reseal: ${directory} is not sealed; open it with encryptionKey`);
  }
  if (openOptions.exclusive) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `reseal: ${directory} may be open in other processes, which know other keys; open it with exclusive: true`,
  );
}

/** Stores how a store is sealed from now on. */
function changeSealing(core: Core, sealing: Sealing): void {
  inDurableTransaction(core, () => writeRecord(core, sealing));
  core.metadata.set(SEAL_SETTING, sealing.record);
  core.sealing = sealing;
  keepRecordFile(core.directory, sealing.record);
  if (core.journal !== undefined) core.journal.ends = undefined;
  core.memoryCache.clear();
}

const MAX_STEP_MS = 6;
const MAX_BATCH_ROWS = 16;

/** The rows that may need it: of a file, only its first bytes tell. Parameters: the id before, the id of the key, how many. */
const ROWS_SQL = `SELECT id, key, file, size, mode, value, checksum FROM entry
  WHERE id > ? AND (file IS NOT NULL OR mode < ${SEALED_FLAG} OR substr(value, 1, ${KEY_ID_BYTES}) IS NOT ?) ORDER BY id LIMIT ?`;
const UPDATE_SQL =
  'UPDATE entry SET mode = ?, size = ?, checksum = ?, file = ?, value = ? WHERE id = ? AND checksum = ?';

/** Seals the values of one store. */
class ResealRun {
  readonly #core: Core;
  readonly #keyId: Buffer;
  readonly total: number;
  items = 0;
  /** Ids of rows that can't be opened. */
  readonly #damagedIds = new Set<number>();
  #after = Number.NEGATIVE_INFINITY;
  #files: CheckRow[] = [];
  readonly #secureDelete: number;

  constructor(core: Core) {
    this.#core = core;
    this.#keyId = core.sealing!.keyBytes;
    this.total = core.sql.countRows.first()?.[0] ?? 0;
    this.#secureDelete = Number(core.connection.pragma('secure_delete'));
    // SQLite overwrites what is deleted from now on.
    core.connection.pragma('secure_delete = ON');
  }

  get damaged(): number {
    return this.#damagedIds.size;
  }

  get done(): number {
    return this.items + this.damaged;
  }

  /** Seals some rows, and notes files for `sealFiles`. Returns true when nothing is left to do. */
  step(): boolean {
    const endsAt = performance.now() + MAX_STEP_MS;
    const isAtEnd = inWriteTransaction(this.#core, () => {
      while (performance.now() < endsAt && this.#files.length < MAX_BATCH_ROWS) {
        const rows = this.#readRows();
        for (const row of rows) this.#sealRow(row);
        if (rows.length === 0) return true;
        this.#after = rows.at(-1)![0];
      }
      return false;
    });
    if (!isAtEnd || this.#files.length > 0) return false;
    // The items of a deque may have moved to positions before this one.
    this.#after = Number.NEGATIVE_INFINITY;
    if (inWriteTransaction(this.#core, () => this.#hasMore())) return false;
    this.#finish();
    return true;
  }

  /** Seals the files that were found. */
  async sealFiles(): Promise<void> {
    for (const row of this.#files.splice(0)) await this.#sealFile(row);
  }

  #readRows(): CheckRow[] {
    const { sql } = this.#core;
    return sql.dynamic<CheckRow>(ROWS_SQL).all(this.#after, this.#keyId, MAX_BATCH_ROWS) as CheckRow[];
  }

  /** Whether there are rows left, other than damaged ones. O(items), in SQLite. */
  #hasMore(): boolean {
    for (let rows = this.#readRows(); rows.length > 0; rows = this.#readRows()) {
      if (rows.some((row) => !this.#damagedIds.has(row[0]) && (row[2] === null || this.#isFileOpen(row)))) {
        this.#after = Number.NEGATIVE_INFINITY;
        return true;
      }
      this.#after = rows.at(-1)![0];
    }
    return false;
  }

  #sealRow(row: CheckRow): void {
    const [id, key, file, , mode, value, check] = row;
    if (file !== null) {
      if (this.#isFileOpen(row)) this.#files.push(row);
      return;
    }
    const core = this.#core;
    this.#unlessDamaged(id, () => {
      const stored = assertChecksum(mode, value, toValueChecksum(check, key));
      const { mode: plainMode, data } = openSealed(core, key, mode, stored);
      const sealed = core.sealing!.sealer.seal(toBytes(data), getAssociatedData(core, key, plainMode));
      const newMode = plainMode + SEALED_FLAG;
      this.#update(row, newMode, sealed.length, checksum(newMode, sealed), null, sealed);
      core.space.charge(core, Math.max(0, sealed.length - row[3]));
    });
  }

  /** Whether a file isn't sealed with the present key. */
  #isFileOpen([, , file, , mode]: CheckRow): boolean {
    if (mode < SEALED_FLAG) return true;
    const head = readFileHead(this.#core.files.getPath(file!), KEY_ID_BYTES);
    return head === undefined || readKeyId(head) !== this.#core.sealing!.keyId;
  }

  async #sealFile(row: CheckRow): Promise<void> {
    const core = this.#core;
    const [id, key, file, bytes, mode, , check] = row;
    const expected = { mode, bytes, crc: toValueChecksum(check, key) };
    const read = (part: { readonly start: number; readonly end: number }) =>
      readFileAsStream(core.files, file!, expected, part);
    let staged: StreamedFile;
    try {
      const plain = openSealedStream(core, key, expected, { start: 0, end: Number.POSITIVE_INFINITY }, read);
      staged = await writeStreamToFile(core.files, sealChunks(core, key, mode, plain), {
        mode: toPlainMode(mode) + SEALED_FLAG,
        maxBytes: Number.POSITIVE_INFINITY,
        durability: core.settings.durability,
      });
    } catch (error) {
      if (!isDamage(error)) throw error;
      // Unless it was replaced or moved meanwhile.
      if (core.sql.checkRow.first(id)?.[2] === file) this.#damagedIds.add(id);
      return;
    }
    try {
      inWriteTransaction(core, () => {
        const current = core.sql.checkRow.first(id);
        if (current?.[2] !== file || current[6] !== check) return;
        attachFile(core, { staged });
        this.#update(row, staged.mode, staged.bytes, staged.crc, staged.name, null);
        deleteFileAfterCommit(core, file, bytes);
      });
    } finally {
      core.files.discard(staged);
    }
  }

  #update(row: CheckRow, mode: number, size: number, check: number, file: string | null, value: Column): void {
    const [id, key, , , , , oldCheck] = row;
    const rowCheck = this.#core.kind === 'deque' ? check : toRowChecksum(check, key as KeyColumn);
    this.#core.sql.dynamic(UPDATE_SQL).run(mode, size, rowCheck, file, value, id, oldCheck);
    this.#core.memoryCache.delete(key);
    this.items++;
  }

  #unlessDamaged(id: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damagedIds.add(id);
    }
  }

  /** Forgets the earlier keys. */
  #finish(): void {
    const core = this.#core;
    const hadPlain = core.sealing!.acceptsPlain;
    changeSealing(core, core.sealing!.finish());
    removeReplaced(core);
    if (hadPlain) {
      // Pages keep the bytes of cells that were moved in them. Rewriting the database is the one step that takes long.
      core.connection.execute('VACUUM');
      checkpoint(core);
    }
    core.connection.pragma(`secure_delete = ${this.#secureDelete}`);
  }
}
