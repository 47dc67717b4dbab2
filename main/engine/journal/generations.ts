import { inDurableTransaction } from '../cache/configure.ts';
import { runAndWarn } from '../diagnostics.ts';
import { checkpoint, checkpointIfAhead, isDiskFull, retryWithBallast } from '../space/maintenance.ts';
import { toUserVersion } from '../sqlite/file-format.ts';
import { syncIfPossible } from '../sqlite/open-database.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import type { PendingEntry } from '../state/write-journal.ts';
import type { KeyColumn } from '../values/key.ts';
import { Applier, type Generation, type SealedGeneration, SLICE_CHANGES } from './applier.ts';
import { ApplySpace } from './apply-space.ts';
import { chooseFirstNumber, getJournalPaths, HEAD_BYTES, JournalFile } from './journal-file.ts';
import { Pace } from './pace.ts';
import { overlay, type PendingItem } from './pending.ts';
import { mergePending, PendingRecords } from './pending-records.ts';
import type { JournalChange, RecordWriter } from './record.ts';

/** With this many changes, or bytes, a file is sealed. There are two files. */
const MAX_CHANGES = 16_384;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** A file takes at most this part of the size limit. */
const MAX_LIMIT_FRACTION = 1 / 32;
/** With less than this, the journal isn't used. */
const MIN_FILE_BYTES = 32 * 1024;
/** Up to this many changes are applied in one transaction. */
const MAX_CHANGES_AT_ONCE = 1024;
/** On a full disk a step that lacks space is tried with fewer changes, down to this number. */
const MIN_SLICE_CHANGES = 4;

/**
 * The files of a journal and the changes in them: one generation gets records, the other one is sealed and applied in steps. The four
 * rules of docs/decisions/0029-write-journal.md are kept here.
 */
export class Generations {
  readonly #core: Core;
  readonly #applier: Applier;
  readonly #space: ApplySpace;
  #active: Generation | undefined;
  #sealed: SealedGeneration | undefined;
  #idleFile: JournalFile | undefined;
  #lastNumber = 0;
  /** Where the first record of the active file is whose changes are not applied. */
  #appliedLength = HEAD_BYTES;
  #maxFileBytes = 0;
  #isApplying = false;
  readonly #pace = new Pace(MAX_CHANGES, SLICE_CHANGES);

  constructor(core: Core) {
    this.#core = core;
    this.#applier = new Applier(core);
    this.#space = new ApplySpace(core);
  }

  get bytes(): number {
    return this.#files().reduce((bytes, { length }) => bytes + length, 0);
  }

  /** Bytes of records with changes that are not applied. */
  get pendingBytes(): number {
    const sealed = this.#sealed === undefined || this.#sealed.isApplied ? 0 : this.#sealed.file.length;
    return sealed + (this.#active === undefined ? 0 : this.#active.file.length - this.#appliedLength);
  }

  /** Bytes that the ballast holds for applying what is pending. */
  get reservedBytes(): number {
    return this.#space.bytes;
  }

  /** Keys with pending changes; a key of both generations counts twice. */
  get pendingCount(): number {
    return (this.#active?.changes.size ?? 0) + (this.#sealed?.changes.size ?? 0);
  }

  get isSealed(): boolean {
    return this.#sealed !== undefined;
  }

  /** Whether the limit of the store leaves space for a journal. */
  get hasSpace(): boolean {
    return this.#active !== undefined || this.maxFileBytes >= MIN_FILE_BYTES;
  }

  /** Bytes of one file, from which on it is sealed. */
  get maxFileBytes(): number {
    return this.#active === undefined ? computeMaxFileBytes(this.#core) : this.#maxFileBytes;
  }

  /** The number of the next record. */
  get nextNumber(): number {
    return this.#lastNumber + 1;
  }

  /** Whether the files are as this process has left them: a program that tidies up may have removed them, which loses what is appended. */
  get areFilesUnchanged(): boolean {
    return this.#files().every((file) => file.isUnchanged);
  }

  find(key: KeyColumn): PendingEntry | undefined {
    const later = this.#active?.changes.get(key);
    if (later !== undefined && !later.isTouch) return later;
    return overlay(later, this.#sealed?.changes.get(key));
  }

  /** Whether there is space to apply that many bytes more than are pending. O(1), now and then O(bytes). */
  canHold(bytes: number): boolean {
    const needed = this.pendingBytes + bytes;
    return needed <= this.#space.maxPendingBytes || this.#space.reserve(needed, 2 * this.maxFileBytes);
  }

  /**
   * Makes the next append possible: with a number behind the last direct write, in a file with space, and with space on the disk to apply it.
   * Returns true if the last id of the table may be another one than before.
   */
  prepareAppend(): boolean {
    const { pending } = this.#core.connection;
    const isFirst = this.#active === undefined;
    if (!this.canHold(0)) this.unguarded(() => this.applyAll());
    const hasDirectWrites = pending.hasDirectWrites;
    if (isFirst) this.#activate();
    else if (hasDirectWrites) this.#numberDirectWrites();
    if (this.#pace.isDue || this.#isFull()) this.unguarded(() => this.#makeSpace());
    return isFirst || hasDirectWrites;
  }

  /**
   * Appends the record that `writer` has completed, of these changes, with the next number.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`; then nothing is changed.
   */
  append(writer: RecordWriter, changes: readonly JournalChange[]): void {
    this.#write(writer);
    this.#active!.changes.add(writer, changes);
    this.#charge(changes.length);
  }

  /** `append` for a record of one change. */
  appendOne(writer: RecordWriter, change: JournalChange): void {
    this.#write(writer);
    this.#active!.changes.addOne(writer, change);
    this.#charge(1);
  }

  /** Applies everything; few changes in one transaction. Within `unguarded`. */
  applyAll(): void {
    const count = this.pendingCount;
    // What gives space back to the disk after a retry applies everything, too.
    if (this.#isApplying) this.#applyRest();
    else this.#applyWithRetry();
    // Many changes may leave the log further ahead of the database than the ballast allows.
    if (count >= SLICE_CHANGES) checkpointIfAhead(this.#core);
  }

  /** Does a part of what is left to do, about 2 ms. Within `unguarded`. */
  applyStep(maxChanges = SLICE_CHANGES): void {
    if (this.#sealed === undefined) this.#seal();
    this.#step(this.#sealed!, maxChanges);
  }

  /** Makes changes that are in no record, and aren't logged. Inside a write transaction, within `unguarded`. */
  applyDirectly(changes: readonly PendingItem[]): void {
    this.#applier.applyDirectly(changes);
  }

  /** Applies everything and truncates the files. Within `unguarded`. */
  shrink(): void {
    if (this.#active === undefined) return;
    this.applyAll();
    if (this.#active.file.length > HEAD_BYTES) this.#seal();
    while (this.#sealed !== undefined) this.#step(this.#sealed);
  }

  /** Runs work that deletes everything in the database, and drops what is pending in the same transaction: the watermark gets past it. */
  discard<T>(work: () => T): T {
    const result = this.unguarded(() => {
      const done = inDurableTransaction(this.#core, () => {
        if (this.#active !== undefined) this.#core.sql.upsertCounter.run(this.#lastNumber, 'journal');
        return work();
      });
      this.#active?.changes.clear();
      this.#appliedLength = this.#active?.file.length ?? HEAD_BYTES;
      if (this.#sealed !== undefined) this.#sealed.isApplied = true;
      this.#sealed?.changes.clear();
      return done;
    });
    this.#core.connection.pending.hasDirectWrites = true;
    return result;
  }

  /** Runs work whose statements see the database without the pending changes. Applying them needs that. */
  unguarded<T>(work: () => T): T {
    const { pending } = this.#core.connection;
    const { hasDirectWrites } = pending;
    pending.hasAny = false;
    try {
      return work();
    } finally {
      pending.hasAny = this.pendingCount > 0;
      pending.hasDirectWrites = hasDirectWrites;
      if (!pending.hasAny) this.#space.release();
    }
  }

  /** Applies everything and removes the files: other versions may open the database again. */
  retire(): void {
    if (this.#active === undefined) return;
    this.unguarded(() => {
      this.applyAll();
      this.#remove();
    });
  }

  /**
   * Runs work that replaces a database which is too damaged to apply anything to it. The changes are applied to the new one, or dropped if
   * its items aren't kept, or if another process has recovered the store during the work.
   */
  replaceBeforeApplying(keepsItems: boolean, work: () => void): void {
    this.unguarded(() => {
      work();
      const parts = keepsItems && this.areFilesUnchanged ? [this.#sealed?.changes, this.#active!.changes] : [];
      const items = mergePending(parts);
      this.#idleFile = this.#sealed?.file ?? this.#idleFile;
      this.#sealed = undefined;
      if (items.size > 0) this.#applier.applyAtOnce(items, this.#lastNumber);
      this.#active!.changes.clear();
      this.#remove();
    });
  }

  /** Closes the files, without applying anything. */
  close(): void {
    for (const file of this.#files()) file.close();
  }

  #isFull(): boolean {
    const { changes, file } = this.#active!;
    return changes.size >= MAX_CHANGES || file.length >= this.#maxFileBytes;
  }

  #write(writer: RecordWriter): void {
    const isSynced = this.#core.settings.durability === 'power';
    try {
      this.#active!.file.append(writer.buffer, writer.length, isSynced);
    } catch (error) {
      if (!isDiskFull(error) || !this.#tryShrink()) throw error;
      this.#active!.file.append(writer.buffer, writer.length, isSynced);
    }
    this.#lastNumber++;
  }

  /** On a full disk: what is applied needs no space in a file any more. */
  #tryShrink(): boolean {
    try {
      this.unguarded(() => this.shrink());
      return true;
    } catch {
      // The failure of the append is the one that is reported.
      return false;
    }
  }

  #charge(changes: number): void {
    this.#core.connection.pending.hasAny = true;
    if (this.#sealed !== undefined && this.#pace.charge(changes, this.#active!.changes.size))
      this.#sealed.file.startSync();
  }

  /** Pays for what was appended last, and goes on with the other file if the active one is full. */
  #makeSpace(): void {
    while (this.#pace.takeStep()) if (this.#sealed !== undefined) this.#step(this.#sealed);
    if (!this.#isFull()) return;
    if (this.#sealed !== undefined) this.#step(this.#sealed);
    if (this.#sealed === undefined) this.#seal();
  }

  /** Begins to use the journal: from now on other versions refuse the database. */
  #activate(): void {
    const { sql, connection, directory, sealing } = this.#core;
    this.#lastNumber = (sql.counter.first('journal')?.[0] ?? chooseFirstNumber() - 1) + 1;
    const files: JournalFile[] = [];
    try {
      for (const path of getJournalPaths(directory)) files.push(new JournalFile(path));
      syncIfPossible(directory);
      for (const file of files) {
        file.begin(this.nextNumber);
        file.sync();
      }
      inDurableTransaction(this.#core, () => {
        sql.upsertCounter.run(this.#lastNumber, 'journal');
        connection.pragma(`user_version = ${toUserVersion({ isJournaled: true, isSealed: sealing !== undefined })}`);
      });
    } catch (error) {
      this.#removeFiles(files);
      throw error;
    }
    this.#active = { file: files[0]!, changes: new PendingRecords() };
    this.#appliedLength = HEAD_BYTES;
    this.#idleFile = files[1];
    this.#maxFileBytes = computeMaxFileBytes(this.#core);
    connection.pending.hasDirectWrites = false;
  }

  /** A number of their own for what was written directly: if a power cut undoes that, recovery stops before the next record. */
  #numberDirectWrites(): void {
    this.#core.sql.upsertCounter.run(this.nextNumber, 'journal');
    this.#lastNumber++;
    this.#maxFileBytes = computeMaxFileBytes(this.#core);
    this.#core.connection.pending.hasDirectWrites = false;
  }

  /** Seals the active generation. The other file gets the next records. */
  #seal(): void {
    const next = this.#idleFile!;
    next.begin(this.nextNumber);
    this.#sealed = { ...this.#active!, lastNumber: this.#lastNumber, plan: undefined, isApplied: false };
    this.#pace.reset();
    this.#active = { file: next, changes: new PendingRecords() };
    this.#appliedLength = HEAD_BYTES;
    this.#idleFile = undefined;
  }

  #applyWithRetry(): void {
    let attempts = 0;
    this.#isApplying = true;
    try {
      retryWithBallast([this.#core], () => {
        if (attempts++ > 0) this.#applyInSmallSpace();
        this.#applyRest();
      });
    } finally {
      this.#isApplying = false;
    }
  }

  #applyRest(): void {
    while (this.#sealed !== undefined) this.#step(this.#sealed);
    if (this.#active === undefined) return;
    const { changes } = this.#active;
    if (changes.size > 0 && changes.size <= MAX_CHANGES_AT_ONCE) {
      this.#applier.applyAtOnce(changes, this.#lastNumber);
      changes.clear();
      this.#appliedLength = this.#active.file.length;
    }
    while (this.pendingCount > 0) this.applyStep();
  }

  /** On a full disk: applies everything in steps whose log fits into the space that is left, and empties the log after each. */
  #applyInSmallSpace(): void {
    let maxChanges = SLICE_CHANGES;
    while (this.pendingCount > 0) {
      try {
        this.applyStep(maxChanges);
      } catch (error) {
        if (!isDiskFull(error) || maxChanges <= MIN_SLICE_CHANGES) throw error;
        maxChanges = Math.floor(maxChanges / 4);
      }
      checkpoint(this.#core);
    }
  }

  #step(sealed: SealedGeneration, maxChanges = SLICE_CHANGES): void {
    if (!sealed.isApplied) {
      this.#applier.step(sealed, maxChanges);
      return; // To truncate a large file takes as long as a step.
    }
    sealed.file.begin(this.nextNumber);
    this.#idleFile = sealed.file;
    this.#sealed = undefined;
    sealed.changes.release();
  }

  #files(): JournalFile[] {
    return [this.#active?.file, this.#sealed?.file, this.#idleFile].filter((file) => file !== undefined);
  }

  #remove(): void {
    const { sql, connection, sealing } = this.#core;
    inDurableTransaction(this.#core, () => {
      sql.upsertCounter.run(this.nextNumber, 'journal');
      connection.pragma(`user_version = ${toUserVersion({ isJournaled: false, isSealed: sealing !== undefined })}`);
    });
    const files = this.#files();
    this.#active?.changes.release();
    this.#active = this.#sealed = this.#idleFile = undefined;
    this.#removeFiles(files);
  }

  /** One that can't be removed holds nothing that counts: the next opening removes it. */
  #removeFiles(files: readonly JournalFile[]): void {
    runAndWarn(this.#core, () => {
      for (const file of files) file.remove();
    });
  }
}

const computeMaxFileBytes = (core: Core): number =>
  Math.min(MAX_FILE_BYTES, getLimitShareBytes(core) * MAX_LIMIT_FRACTION);
