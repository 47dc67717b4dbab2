import { inDurableTransaction } from '../cache/configure.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { runAndWarn, transactionChannel } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import { deleteFileAfterCommit } from '../space/delete-row.ts';
import { retryWithBallast } from '../space/maintenance.ts';
import { isLive } from '../space/policy.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { JOURNALED_VERSION, SCHEMA_VERSION } from '../sqlite/file-format.ts';
import { syncIfPossible } from '../sqlite/open-database.ts';
import { LAST_INSERT_ID_SQL } from '../sqlite/statements.ts';
import { type Core, getLimitShareBytes, type JournaledWrite, type PendingEntry, type WriteJournal } from '../state/core.ts';
import { toMapKey } from '../state/memory-cache.ts';
import { toRowChecksum } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { ApplyPlan, type ApplyTarget } from './apply.ts';
import { chooseFirstNumber, getJournalPaths, JournalFile, removeJournalFile } from './journal-file.ts';
import { PendingChanges } from './pending.ts';
import { type JournalChange, RecordWriter } from './record.ts';

/** Larger values are written directly: they gain little, and fill the journal. */
const MAX_VALUE_BYTES = 16 * 1024;
/** Changes of one record; more are a transaction. */
const MAX_RECORD_CHANGES = 4096;
const MAX_RECORD_BYTES = 1024 * 1024;
/** Bounds of each of the two files. */
const MAX_CHANGES = 16_384;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Both files take at most this part of the size limit. */
const MAX_LIMIT_FRACTION = 1 / 16;
/** Below this there is no journal. */
const MIN_FILE_BYTES = 32 * 1024;
/** Changes applied in one step: about 2 ms. */
const SLICE_CHANGES = 256;
/** Up to this many changes are applied in one transaction. */
const MAX_CHANGES_AT_ONCE = 1024;
/** A journal to which nothing was appended for this time is applied. */
const REST_MS = 250;

/** Applying so few changes costs more than writing them directly. */
const FEW_CHANGES = 16;
/** After this many times in a row, the next writes are direct. */
const MAX_VAIN_APPLICATIONS = 4;
const DIRECT_WRITES = 64;

/** A journal file with the changes in it. */
interface Generation {
  readonly file: JournalFile;
  readonly changes: PendingChanges;
}

/** A generation that gets no more records. */
interface SealedGeneration extends Generation {
  readonly lastNumber: number;
  plan: ApplyPlan | undefined;
  isApplied: boolean;
}

/** Record memory is reused: nothing awaits between encoding and writing. */
const writer = new RecordWriter();

/**
 * The write journal of one open store (docs/decisions/0029-write-journal.md). Two generations: one gets records, the other one is sealed and
 * applied in steps.
 */
export class Journal implements WriteJournal {
  readonly #core: Core;
  readonly #paths: readonly string[];
  readonly #target: ApplyTarget;
  #active: Generation | undefined;
  #sealed: SealedGeneration | undefined;
  #idleFile: JournalFile | undefined;
  #lastNumber = 0;
  #lastId = 0;
  #maxFileBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #appends = 0;
  #appendsAtTimer = 0;
  #vainApplications = 0;
  #directWrites = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#paths = getJournalPaths(core.directory);
    this.#target = createTarget(core);
    const { pending } = core.connection;
    pending.holds = (key) => this.find(key as KeyColumn) !== undefined;
    pending.apply = () => this.apply();
  }

  get bytes(): number {
    return this.#files().reduce((bytes, { length }) => bytes + length, 0);
  }

  find(key: KeyColumn): PendingEntry | undefined {
    if (!this.#core.connection.pending.hasAny) return undefined;
    const name = toMapKey(key);
    return this.#active?.changes.get(name) ?? this.#sealed?.changes.get(name);
  }

  set(write: JournaledWrite, now: number): boolean {
    if (write.bytes > MAX_VALUE_BYTES || !this.#canAppend()) return false;
    this.#prepareAppend();
    const { timestamps } = this.#core;
    const change = this.#toChange(write, now, timestamps.from(now));
    writer.begin();
    writer.add(change);
    this.#append();
    this.#record(change, write.cost);
    return true;
  }

  setMany(writes: readonly JournaledWrite[], now: number): boolean {
    if (writes.length > MAX_RECORD_CHANGES || writes.some(({ bytes }) => bytes > MAX_VALUE_BYTES)) return false;
    if (writes.length === 0 || !this.#canAppend()) return false;
    this.#prepareAppend();
    const { timestamps } = this.#core;
    const changes: JournalChange[] = [];
    writer.begin();
    for (const write of writes) {
      const change = this.#toChange(write, now, timestamps.from(now));
      writer.add(change);
      if (writer.length > Math.min(MAX_RECORD_BYTES, this.#maxFileBytes)) return false;
      changes.push(change);
    }
    this.#append();
    for (const [nth, change] of changes.entries()) this.#record(change, writes[nth]!.cost);
    return true;
  }

  delete(key: KeyColumn, now: number): boolean | undefined {
    if (!this.#canAppend()) return undefined;
    const found = this.find(key);
    if (found === undefined) {
      const row = this.#core.sql.locate.first(key);
      if (row === undefined) return false;
      // What has expired or has a file needs more than this.
      if (!isLive(row[1], now) || row[2] !== null) return undefined;
    } else if (found.isDeleted || !isLive(found.expiresAt, now)) return false;
    this.#prepareAppend();
    const change = {
      key,
      isDeleted: true,
      mode: 0,
      id: 0,
      expiresAt: null,
      now,
      stamp: now,
      check: 0,
      size: 0,
      tag: null,
      data: null,
    };
    writer.begin();
    writer.add(change);
    this.#append();
    this.#record(change, 0);
    return true;
  }

  apply(): void {
    const pending = this.#countPending();
    if (pending === 0) return;
    if (pending >= FEW_CHANGES) this.#vainApplications = 0;
    else if (++this.#vainApplications >= MAX_VAIN_APPLICATIONS) this.#directWrites = DIRECT_WRITES;
    this.#unguarded(() => this.#applyAll());
  }

  close(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let isApplied = true;
    runAndWarn(this.#core, () => {
      isApplied = false;
      this.#retire();
      isApplied = true;
    });
    for (const file of this.#files()) file.close();
    return isApplied;
  }

  replaceDatabase(keepsItems: boolean, work: () => void): void {
    try {
      this.#retire();
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      this.#replaceBeforeApplying(keepsItems, work);
      return;
    }
    work();
  }

  /** Whether changes may go to the journal now. */
  #canAppend(): boolean {
    const { transaction } = this.#core;
    if (transaction.depth > 0 || transaction.onCommit !== undefined || transactionChannel.hasSubscribers) return false;
    if (this.#active === undefined && this.#getMaxFileBytes() < MIN_FILE_BYTES) return false;
    if (this.#directWrites === 0) return true;
    this.#directWrites--;
    return false;
  }

  #getMaxFileBytes(): number {
    return Math.min(MAX_FILE_BYTES, (getLimitShareBytes(this.#core) * MAX_LIMIT_FRACTION) / this.#paths.length);
  }

  #toChange({ key, mode, data, bytes, check, expiresAt, tag }: JournaledWrite, now: number, stamp: number): JournalChange {
    return {
      key,
      isDeleted: false,
      mode,
      id: this.#nextId(now),
      expiresAt,
      now,
      stamp,
      check: toRowChecksum(check, key),
      size: bytes,
      tag,
      // The caller's bytes may change.
      data: typeof data === 'object' && data !== null ? Buffer.from(data) : data,
    };
  }

  #nextId(now: number): number {
    const { nextInsertId } = this.#core.space;
    this.#lastId = nextInsertId === undefined ? this.#lastId + 1 : nextInsertId(this.#lastId, now);
    return this.#lastId;
  }

  /** Writes the record that was encoded. Its changes are made only when this returns. */
  #append(): void {
    const { settings } = this.#core;
    this.#active!.file.append(writer.finish(this.#lastNumber + 1), settings.durability === 'power');
    this.#lastNumber++;
    this.#appends++;
    this.#timer ??= this.#startTimer();
  }

  #record(change: JournalChange, cost: number): void {
    const { connection, rowStats, memoryCache, space } = this.#core;
    this.#active!.changes.add(change);
    connection.pending.hasAny = true;
    // What is in the journal takes space twice.
    if (cost > 0) space.charge(this.#core, 2 * cost);
    rowStats.recordUpdate(change.expiresAt);
    memoryCache.delete(change.key);
  }

  /** Makes the next append possible: with a number after the last direct write, in a file with space. */
  #prepareAppend(): void {
    const { pending } = this.#core.connection;
    if (this.#active === undefined) this.#activate();
    else if (pending.hasDirectWrites) this.#numberDirectWrites();
    const active = this.#active!;
    if (active.changes.size < MAX_CHANGES && active.file.length < this.#maxFileBytes) return;
    this.#unguarded(() => {
      if (this.#sealed !== undefined) this.#step();
      if (this.#sealed === undefined) this.#seal();
    });
  }

  /** Begins to use the journal: from now on other versions refuse the database. */
  #activate(): void {
    const { sql, connection } = this.#core;
    const last = sql.counter.first('journal')?.[0];
    this.#lastNumber = last === undefined ? chooseFirstNumber() : last + 1;
    inDurableTransaction(this.#core, () => {
      sql.upsertCounter.run(this.#lastNumber, 'journal');
      connection.pragma(`user_version = ${JOURNALED_VERSION}`);
    });
    const files: JournalFile[] = [];
    try {
      for (const path of this.#paths) files.push(new JournalFile(path));
      syncIfPossible(this.#core.directory);
      files[0]!.begin(this.#lastNumber + 1);
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
    this.#active = { file: files[0]!, changes: new PendingChanges() };
    this.#idleFile = files[1];
    this.#readState();
  }

  /** A number of their own for what was written directly: if a power cut undoes that, recovery stops before the next record. */
  #numberDirectWrites(): void {
    this.#core.sql.upsertCounter.run(this.#lastNumber + 1, 'journal');
    this.#lastNumber++;
    this.#readState();
  }

  #readState(): void {
    const { sql, connection } = this.#core;
    this.#lastId = sql.dynamic<[number]>(LAST_INSERT_ID_SQL).first()?.[0] ?? 0;
    this.#maxFileBytes = this.#getMaxFileBytes();
    connection.pending.hasDirectWrites = false;
  }

  /** Seals the active generation. The other file gets the next records. */
  #seal(): void {
    const next = this.#idleFile!;
    next.begin(this.#lastNumber + 1);
    this.#sealed = { ...this.#active!, lastNumber: this.#lastNumber, plan: undefined, isApplied: false };
    this.#active = { file: next, changes: new PendingChanges() };
    this.#idleFile = undefined;
  }

  /** Does a part of what is left to do with the sealed generation, about 2 ms. */
  #step(): void {
    const sealed = this.#sealed!;
    if (sealed.plan === undefined) {
      // The first transactions are states that never were: recovery needs the whole file to get past them.
      sealed.file.sync();
      sealed.plan = new ApplyPlan(this.#target, sealed.changes.items());
    }
    const { plan } = sealed;
    if (!plan.isPlanned) {
      plan.plan(SLICE_CHANGES);
      if (!plan.isPlanned) return;
    } else if (!plan.hasAtMost(SLICE_CHANGES)) {
      this.#applySlice(plan, SLICE_CHANGES);
      return;
    }
    if (!plan.hasAtMost(SLICE_CHANGES)) return;
    // The last one is synced, and with it those before: the log of SQLite is synced as a whole.
    if (!sealed.isApplied) inDurableTransaction(this.#core, () => this.#applyLast(plan, sealed.lastNumber));
    sealed.isApplied = true;
    sealed.file.truncate();
    this.#idleFile = sealed.file;
    this.#sealed = undefined;
  }

  #applySlice(plan: ApplyPlan, maxChanges: number): void {
    const { position } = plan;
    try {
      inWriteTransaction(this.#core, () => plan.apply(maxChanges));
    } catch (error) {
      plan.position = position;
      throw error;
    }
  }

  /** The last changes of a plan and the watermark. Inside a write transaction. */
  #applyLast(plan: ApplyPlan, lastNumber: number): void {
    const { position } = plan;
    plan.apply(Number.POSITIVE_INFINITY);
    this.#core.sql.upsertCounter.run(lastNumber, 'journal');
    this.#core.transaction.afterRollback.push(() => {
      plan.position = position;
    });
  }

  #applyAll(): void {
    retryWithBallast([this.#core], () => {
      while (this.#sealed !== undefined) this.#step();
      const { changes } = this.#active!;
      if (changes.size > MAX_CHANGES_AT_ONCE) {
        this.#seal();
        while (this.#sealed !== undefined) this.#step();
      } else if (changes.size > 0) this.#applyAtOnce(changes);
    });
  }

  /** One transaction needs no sync: it is atomic, and the file stays until it is sealed. */
  #applyAtOnce(changes: PendingChanges): void {
    const plan = new ApplyPlan(this.#target, changes.items());
    plan.plan(Number.POSITIVE_INFINITY);
    inWriteTransaction(this.#core, () => this.#applyLast(plan, this.#lastNumber));
    changes.clear();
  }

  /** Runs work that applies changes: its statements don't ask for that. */
  #unguarded(work: () => void): void {
    const { pending } = this.#core.connection;
    const { hasDirectWrites } = pending;
    pending.hasAny = false;
    try {
      work();
    } finally {
      pending.hasAny = this.#countPending() > 0;
      pending.hasDirectWrites = hasDirectWrites;
    }
  }

  #countPending(): number {
    return (this.#active?.changes.size ?? 0) + (this.#sealed?.changes.size ?? 0);
  }

  #files(): JournalFile[] {
    return [this.#active?.file, this.#sealed?.file, this.#idleFile].filter((file) => file !== undefined);
  }

  /** Applies everything and removes the files: other versions may open the database again. */
  #retire(): void {
    if (this.#active === undefined) return;
    this.apply();
    this.#remove();
  }

  #remove(): void {
    const { sql, connection } = this.#core;
    inDurableTransaction(this.#core, () => {
      sql.upsertCounter.run(this.#lastNumber + 1, 'journal');
      connection.pragma(`user_version = ${SCHEMA_VERSION}`);
    });
    const files = this.#files();
    this.#active = this.#sealed = this.#idleFile = undefined;
    // One that can't be removed holds nothing that counts: the next opening removes it.
    runAndWarn(this.#core, () => {
      for (const file of files) file.close();
      for (const { path } of files) removeJournalFile(path);
    });
  }

  /** The database is too damaged to apply anything: that follows when it is replaced. */
  #replaceBeforeApplying(keepsItems: boolean, work: () => void): void {
    this.#unguarded(() => {
      work();
      // Meanwhile another process may have recovered the store, with these changes.
      const isUnchanged = this.#files().every((file) => file.isUnchanged);
      if (!keepsItems || !isUnchanged) {
        this.#active?.changes.clear();
        this.#sealed?.changes.clear();
        if (this.#sealed !== undefined) this.#idleFile = this.#sealed.file;
        this.#sealed = undefined;
      } else if (this.#sealed !== undefined) this.#sealed.plan = undefined;
      this.#applyAll();
      this.#remove();
    });
  }

  #startTimer(): NodeJS.Timeout {
    this.#appendsAtTimer = this.#appends;
    return unrefTimer(
      setTimeout(() => {
        this.#timer = undefined;
        runAndWarn(this.#core, () => this.#applyAtRest(), 'Applying the journal of');
        if (this.#countPending() > 0) this.#timer ??= this.#startTimer();
      }, REST_MS),
    );
  }

  /** Applies a step when nothing was appended lately; the next one follows soon. */
  #applyAtRest(): void {
    if (this.#appends !== this.#appendsAtTimer || this.#core.transaction.depth > 0) return;
    this.#unguarded(() => {
      if (this.#sealed === undefined && this.#countPending() <= SLICE_CHANGES) {
        this.#applyAll();
        return;
      }
      if (this.#sealed === undefined) this.#seal();
      this.#step();
    });
    if (this.#countPending() > 0) this.#continueSoon();
  }

  #continueSoon(): void {
    const appends = this.#appends;
    this.#timer = unrefTimer(
      setTimeout(() => {
        this.#timer = undefined;
        if (appends === this.#appends) runAndWarn(this.#core, () => this.#applyAtRest(), 'Applying the journal of');
        if (this.#countPending() > 0) this.#timer ??= this.#startTimer();
      }, 0),
    );
  }
}

function createTarget(core: Core): ApplyTarget {
  const { sql, rowStats, accessBuffer } = core;
  return {
    sql,
    inserted(id, expiresAt) {
      rowStats.recordInsert(id, expiresAt);
    },
    updated(id, expiresAt) {
      // Its reads are counted from the last set.
      accessBuffer.take(id);
      rowStats.recordUpdate(expiresAt);
    },
    deleted() {
      rowStats.recordDelete(1);
    },
    fileReplaced(file, bytes) {
      deleteFileAfterCommit(core, file, bytes);
    },
  };
}
