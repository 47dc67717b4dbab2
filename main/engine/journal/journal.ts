import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { ChangeKind } from '../../../protocol/options.ts';
import { isPendingLive } from '../cache/pending-reads.ts';
import { refreshIfChanged } from '../cache/read.ts';
import { beginTransaction } from '../cache/transaction.ts';
import { transactionChannel } from '../diagnostics.ts';
import { isDiskFull } from '../space/maintenance.ts';
import { isLive } from '../space/policy.ts';
import { endViews } from '../sqlite/busy-retry.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { LAST_INSERT_ID_SQL } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import type { DequeEnds, JournaledWrite, PendingEntry, WriteJournal } from '../state/write-journal.ts';
import { emitWarning } from '../validate.ts';
import { type Stored, toRowChecksum } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { Block } from './block.ts';
import { Generations } from './generations.ts';
import { isReplacement, overlay, PendingItem, splitReplacement, toDeletion, toTouch } from './pending.ts';
import { RecordWriter } from './record.ts';
import { RestTimer } from './rest-timer.ts';

/** Larger values are written directly: they gain little, and fill the journal. */
const MAX_VALUE_BYTES = 16 * 1024;
/** A transaction with a larger record, about, is one of SQLite. */
const MAX_BLOCK_BYTES = 1024 * 1024;
/** About the bytes of a change beside key and value. */
const CHANGE_BYTES = 64;
/** Applying fewer changes costs more than writing them directly. */
const MIN_APPLIED_CHANGES = 16;
/** If fewer had to be applied this many times in a row, the next writes are direct. */
const MAX_SMALL_APPLIES = 4;
const DIRECT_WRITES = 64;

/** Its memory is reused: nothing awaits between encoding and appending. */
const writer = new RecordWriter();

/** The write journal of one open store: appends what the verbs change, and decides when it is applied. */
export class Journal implements WriteJournal {
  readonly #core: Core;
  readonly #generations: Generations;
  #block: Block | undefined;
  #lastId = 0;
  ends: DequeEnds | undefined;
  readonly #restTimer: RestTimer;
  #smallApplies = 0;
  #directWrites = 0;
  #filesCheckedFor = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#generations = new Generations(core);
    this.#restTimer = new RestTimer(core, this.#generations);
    const { pending } = core.connection;
    pending.holds = (key) => this.find(key as KeyColumn) !== undefined;
    pending.apply = () => this.apply();
  }

  get bytes(): number {
    return this.#generations.bytes;
  }

  get reservedBytes(): number {
    return this.#generations.reservedBytes;
  }

  find(key: KeyColumn): PendingEntry | undefined {
    if (!this.#core.connection.pending.hasAny) return undefined;
    const later = this.#block?.get(key);
    if (later !== undefined && !later.isTouch) return later;
    return overlay(later, this.#generations.find(key));
  }

  set(write: JournaledWrite, now: number): boolean {
    if (write.bytes > MAX_VALUE_BYTES || !this.#canChange(write.cost)) return false;
    if (this.#block === undefined) this.#prepareAppend();
    this.#change(this.#toChange(write, now));
    // What is in the journal takes space twice.
    this.#core.space.charge(this.#core, 2 * write.cost);
    return true;
  }

  delete(key: KeyColumn, now: number): boolean | undefined {
    if (!this.#canChange(0)) return undefined;
    const found = this.find(key);
    let wasLive = true;
    if (found === undefined) {
      this.#beginView();
      const row = this.#core.sql.locate.first(key);
      if (row === undefined) return false;
      // What has expired or has a file needs more than this.
      if (!isLive(row[1], now) || row[2] !== null) return undefined;
    } else if (found.isDeleted) return false;
    // An expired item is deleted as well: otherwise it would take space until others expire with it.
    else wasLive = isLive(found.expiresAt, now);
    if (this.#block === undefined) this.#prepareAppend();
    this.#change(toDeletion(key, now), wasLive ? 'delete' : 'expire');
    return wasLive;
  }

  touch(key: KeyColumn, expiresAt: number | null, now: number): boolean | undefined {
    if (!this.#canChange(0)) return undefined;
    const found = this.find(key);
    const row = found === undefined ? this.#core.sql.locate.first(key) : undefined;
    if (found === undefined ? row === undefined || !isLive(row[1], now) : !isPendingLive(found, now)) return false;
    if (this.#block === undefined) this.#prepareAppend();
    this.#change(toTouch(key, expiresAt, now));
    return true;
  }

  accepts(bytes: number, cost: number): boolean {
    return bytes <= MAX_VALUE_BYTES && this.#canChange(cost);
  }

  setAt(position: number, write: JournaledWrite, now: number, dropped?: number): void {
    if (this.#block === undefined) this.#prepareAppend();
    const { mode, data, bytes, check, cost } = write;
    const stamp = this.#core.timestamps.from(now);
    const stored = this.#block === undefined ? data : copyBytes(data);
    // The rows of a deque have no key that could be another one's, so their checksums are those of the values.
    const item = new PendingItem(position, false, mode, position, null, now, stamp, check, bytes, null, stored);
    if (dropped === undefined) this.#change(item);
    else this.#changeBoth(item, toDeletion(dropped, now));
    this.#core.space.charge(this.#core, 2 * cost);
  }

  deleteAt(position: number, now: number): void {
    if (this.#block === undefined) this.#prepareAppend();
    this.#change(toDeletion(position, now));
  }

  beginBlock(): boolean {
    if (!this.#canAppend()) return false;
    endViews();
    this.#block = new Block();
    this.#core.connection.pending.hasAny = true;
    const { transaction } = this.#core;
    transaction.depth = 1;
    transaction.isDeferred = true;
    transaction.hasCheckedExternalChanges = false;
    transaction.isLogged = undefined;
    return true;
  }

  commitBlock(): boolean {
    const block = this.#block!;
    this.#endBlock();
    if (block.isEmpty) return true;
    try {
      if (!this.#generations.canHold(block.bytes)) return this.#beginDirectly(block);
      this.#appendBlock(block);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return this.#beginDirectly(block);
    }
    this.#core.changeFeed.journaled.push(...block.told);
    return true;
  }

  rollBackBlock(): void {
    this.#endBlock();
  }

  apply(): void {
    if (this.#block !== undefined) {
      this.#beginDirectly(this.#block);
      return;
    }
    const count = this.#generations.pendingCount;
    if (count >= MIN_APPLIED_CHANGES) this.#smallApplies = 0;
    else if (++this.#smallApplies >= MAX_SMALL_APPLIES) this.#directWrites = DIRECT_WRITES;
    this.#generations.unguarded(() => this.#generations.applyAll());
  }

  shrink(): void {
    this.#generations.unguarded(() => this.#generations.shrink());
  }

  discard<T>(work: () => T): T {
    return this.#generations.discard(work);
  }

  close(): boolean {
    this.#restTimer.stop();
    try {
      this.#generations.retire();
      return true;
    } catch (error) {
      this.#warnUnapplied(error);
      // What closing still does to the database needs none of them.
      this.#core.connection.pending.hasAny = false;
      return false;
    } finally {
      this.#generations.close();
    }
  }

  #warnUnapplied(error: unknown): void {
    const { pendingCount } = this.#generations;
    emitWarning(
      `${this.#core.directory} was closed with ${pendingCount} changes in its write journal, because they can't be applied now: ${getErrorMessage(error)}. Nothing is lost: the next opening applies them`,
      { code: error instanceof DiskCacheError ? error.code : 'IO', cause: error },
    );
  }

  replaceDatabase(keepsItems: boolean, work: () => void): void {
    this.ends = undefined;
    try {
      this.#generations.retire();
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      this.#generations.replaceBeforeApplying(keepsItems, work);
      return;
    }
    work();
  }

  /** Whether a transaction may go to the journal now. What a listener writes doesn't: it is told after what the listener was told of. */
  #canAppend(): boolean {
    const { transaction, changeFeed } = this.#core;
    if (transaction.depth > 0 || transactionChannel.hasSubscribers) return false;
    if (changeFeed.isDispatching || changeFeed.isBehind) return false;
    if (!this.#generations.hasSpace) return false;
    if (this.#directWrites === 0) return true;
    this.#directWrites--;
    return false;
  }

  /** Whether a change may go to the journal now, alone or in the open block. */
  #canChange(cost: number): boolean {
    const block = this.#block;
    if (block === undefined) return this.#canAppend();
    block.bytes += cost + CHANGE_BYTES;
    return block.bytes <= Math.min(MAX_BLOCK_BYTES, this.#generations.maxFileBytes);
  }

  /** Makes a change: at once, or in the open block. `kind` is what listeners are told. */
  #change(change: PendingItem, kind: ChangeKind = change.isDeleted ? 'delete' : 'set'): void {
    // Later reads of other stores must not see a state from before this change. Reads of this store look at what is pending first.
    endViews(this.#core.externalChanges.cut);
    if (this.#block === undefined) this.#appendOne(change);
    else this.#block.add(change);
    this.#tell(change.key, kind);
    this.#core.rowStats.recordUpdate(change.expiresAt);
    this.#core.memoryCache.delete(change.key);
  }

  /** Notes what listeners are told after the write, or after the transaction. */
  #tell(key: KeyColumn, kind: ChangeKind): void {
    if (this.#core.transaction.onCommit === undefined) return;
    (this.#block?.told ?? this.#core.changeFeed.journaled).push({ kind, key });
  }

  /** Makes a set and a deletion of another key, all or none. */
  #changeBoth(one: PendingItem, other: PendingItem): void {
    endViews(this.#core.externalChanges.cut);
    if (this.#block === undefined) this.#append([one, other]);
    else for (const change of [one, other]) this.#block.add(change);
    this.#tell(one.key, 'set');
    this.#tell(other.key, 'delete');
    this.#core.rowStats.recordUpdate(null);
  }

  /** The look-ups of a turn share a read transaction, which a write to the database ends: beginning one takes longer than a look-up. */
  #beginView(): void {
    const { connection, transaction } = this.#core;
    if (transaction.depth === 0) refreshIfChanged(this.#core);
    else if (!connection.snapshot.isHeld) connection.snapshot.renew();
  }

  #prepareAppend(): void {
    const { nextFullCheckAt } = this.#core.openedFiles;
    // As often as the other files of the store are checked.
    if (nextFullCheckAt !== this.#filesCheckedFor) {
      this.#filesCheckedFor = nextFullCheckAt;
      if (!this.#generations.areFilesUnchanged) this.#generations.retire();
    }
    if (this.#generations.prepareAppend()) this.#readLastId();
  }

  #readLastId(): void {
    // The ids of a deque are its positions.
    if (this.#core.kind === 'deque') return;
    this.#lastId = this.#core.sql.dynamic<[number]>(LAST_INSERT_ID_SQL).first()?.[0] ?? 0;
  }

  /** Gives the items of a block their ids, in their order. */
  #assignIds(items: readonly PendingItem[]): void {
    if (this.#core.kind === 'deque') return;
    for (const item of items) if (!item.isDeleted) item.id = this.#nextId(item.now);
  }

  #toChange({ key, mode, data, bytes, check, expiresAt, tag }: JournaledWrite, now: number): PendingItem {
    const id = this.#block === undefined ? this.#nextId(now) : ++this.#block.lastId;
    const stamp = this.#core.timestamps.from(now);
    const stored = this.#block === undefined ? data : copyBytes(data);
    return new PendingItem(key, false, mode, id, expiresAt, now, stamp, toRowChecksum(check, key), bytes, tag, stored);
  }

  #nextId(now: number): number {
    const { nextInsertId } = this.#core.space;
    this.#lastId = nextInsertId === undefined ? this.#lastId + 1 : nextInsertId(this.#lastId, now);
    return this.#lastId;
  }

  #appendBlock(block: Block): void {
    this.#prepareAppend();
    const changes = block.changes();
    this.#assignIds(changes);
    this.#append(changes.some(isReplacement) ? changes.flatMap(splitReplacement) : changes);
  }

  /** Appends a record. Its changes are made only when it is written. */
  #append(changes: readonly PendingItem[]): void {
    writer.begin();
    for (const change of changes) writer.add(change);
    writer.finish(this.#generations.nextNumber);
    this.#generations.append(writer, changes);
    for (const change of changes) this.#dropAccesses(change);
    this.#restTimer.noteAppend();
  }

  /** As `#append`, for one change: most records have one. */
  #appendOne(change: PendingItem): void {
    writer.begin();
    writer.add(change);
    writer.finish(this.#generations.nextNumber);
    this.#generations.appendOne(writer, change);
    this.#dropAccesses(change);
    this.#restTimer.noteAppend();
  }

  /** The reads of an item are counted from the last set. */
  #dropAccesses({ key, isTouch }: PendingItem): void {
    if (isTouch || !this.#core.accessBuffer.tracksReads) return;
    const item = this.#generations.find(key);
    if (item !== undefined) this.#core.accessBuffer.take(item.id);
  }

  #endBlock(): void {
    const { connection, transaction } = this.#core;
    this.#block = undefined;
    connection.snapshot.releaseQuietly();
    connection.pending.hasAny = this.#generations.pendingCount > 0;
    transaction.isDeferred = false;
    transaction.depth = 0;
  }

  /**
   * Applies everything that is pending, then goes on with the deferred transaction as an SQLite transaction; returns false. If that fails, the
   * transaction is lost, as when SQLite ends one.
   */
  #beginDirectly(block: Block): false {
    const { connection, transaction } = this.#core;
    const afterCommit = transaction.afterCommit.splice(0);
    afterCommit.push(() => this.#core.changeFeed.journaled.push(...block.told));
    const afterRollback = transaction.afterRollback.splice(0);
    this.#endBlock();
    try {
      this.#generations.unguarded(() => {
        this.#generations.applyAll();
        beginTransaction(this.#core);
        if (block.isEmpty) return;
        this.#readLastId();
        const items = block.items();
        this.#assignIds(items);
        this.#generations.applyDirectly(items);
      });
    } catch (error) {
      if (connection.inTransaction) this.#core.sql.rollback.run();
      throw error;
    } finally {
      transaction.depth = 1;
      transaction.afterCommit.unshift(...afterCommit);
      transaction.afterRollback.unshift(...afterRollback);
    }
    connection.pending.hasDirectWrites = true;
    return false;
  }
}

/** The caller's bytes may change before the transaction ends. */
const copyBytes = (data: Stored | null): Stored | null =>
  typeof data === 'object' && data !== null ? Buffer.from(data) : data;
