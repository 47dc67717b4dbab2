import { runAndWarn, transactionChannel } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import { isLive } from '../space/policy.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { LAST_INSERT_ID_SQL } from '../sqlite/statements.ts';
import type { Core, JournaledWrite, PendingEntry, WriteJournal } from '../state/core.ts';
import { toMapKey } from '../state/memory-cache.ts';
import { toRowChecksum } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { Generations, SLICE_CHANGES } from './generations.ts';
import { PendingItem } from './pending.ts';
import { RecordWriter } from './record.ts';

/** Larger values are written directly: they gain little, and fill the journal. */
const MAX_VALUE_BYTES = 16 * 1024;
/** Changes of one record; more are a transaction. */
const MAX_RECORD_CHANGES = 4096;
const MAX_RECORD_BYTES = 1024 * 1024;
/** A journal to which nothing was appended for this time is applied. */
const REST_MS = 250;

/** Applying so few changes costs more than writing them directly. */
const FEW_CHANGES = 16;
/** After this many times in a row, the next writes are direct. */
const MAX_VAIN_APPLICATIONS = 4;
const DIRECT_WRITES = 64;

/** Its memory is reused: nothing awaits between encoding and appending. */
const writer = new RecordWriter();

/** The write journal of one open store: what the verbs know of it, and when it is applied. */
export class Journal implements WriteJournal {
  readonly #core: Core;
  readonly #generations: Generations;
  #lastId = 0;
  #timer: NodeJS.Timeout | undefined;
  #appends = 0;
  #vainApplications = 0;
  #directWrites = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#generations = new Generations(core);
    const { pending } = core.connection;
    pending.holds = (key) => this.find(key as KeyColumn) !== undefined;
    pending.apply = () => this.apply();
  }

  get bytes(): number {
    return this.#generations.bytes;
  }

  find(key: KeyColumn): PendingEntry | undefined {
    return this.#core.connection.pending.hasAny ? this.#generations.find(toMapKey(key)) : undefined;
  }

  set(write: JournaledWrite, now: number): boolean {
    if (write.bytes > MAX_VALUE_BYTES || !this.#canAppend()) return false;
    this.#prepareAppend();
    const change = this.#toChange(write, now);
    writer.begin();
    writer.add(change);
    this.#append();
    this.#record(change, write.cost);
    return true;
  }

  setMany(writes: readonly JournaledWrite[], now: number): boolean {
    if (writes.length > MAX_RECORD_CHANGES || writes.some(({ bytes }) => bytes > MAX_VALUE_BYTES)) return false;
    if (!this.#canAppend()) return false;
    this.#prepareAppend();
    const maxBytes = Math.min(MAX_RECORD_BYTES, this.#generations.maxFileBytes);
    const changes: PendingItem[] = [];
    writer.begin();
    for (const write of writes) {
      const change = this.#toChange(write, now);
      writer.add(change);
      if (writer.length > maxBytes) return false;
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
    const change = toDeletion(key, now);
    writer.begin();
    writer.add(change);
    this.#append();
    this.#record(change, 0);
    return true;
  }

  apply(): void {
    const count = this.#generations.pendingCount;
    if (count >= FEW_CHANGES) this.#vainApplications = 0;
    else if (++this.#vainApplications >= MAX_VAIN_APPLICATIONS) this.#directWrites = DIRECT_WRITES;
    this.#generations.unguarded(() => this.#generations.applyAll());
  }

  close(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let isApplied = false;
    runAndWarn(this.#core, () => {
      this.#generations.retire();
      isApplied = true;
    });
    this.#generations.close();
    return isApplied;
  }

  replaceDatabase(keepsItems: boolean, work: () => void): void {
    try {
      this.#generations.retire();
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      this.#generations.replaceBeforeApplying(keepsItems, work);
      return;
    }
    work();
  }

  /** Whether changes may go to the journal now. Listeners hear of direct writes only. */
  #canAppend(): boolean {
    const { transaction } = this.#core;
    if (transaction.depth > 0 || transaction.onCommit !== undefined || transactionChannel.hasSubscribers) return false;
    if (!this.#generations.hasSpace) return false;
    if (this.#directWrites === 0) return true;
    this.#directWrites--;
    return false;
  }

  #prepareAppend(): void {
    if (!this.#generations.prepareAppend()) return;
    this.#lastId = this.#core.sql.dynamic<[number]>(LAST_INSERT_ID_SQL).first()?.[0] ?? 0;
  }

  #toChange({ key, mode, data, bytes, check, expiresAt, tag }: JournaledWrite, now: number): PendingItem {
    const id = this.#nextId(now);
    const stamp = this.#core.timestamps.from(now);
    // The caller's bytes may change.
    const stored = typeof data === 'object' && data !== null ? Buffer.from(data) : data;
    return new PendingItem(key, false, mode, id, expiresAt, now, stamp, toRowChecksum(check, key), bytes, tag, stored);
  }

  #nextId(now: number): number {
    const { nextInsertId } = this.#core.space;
    this.#lastId = nextInsertId === undefined ? this.#lastId + 1 : nextInsertId(this.#lastId, now);
    return this.#lastId;
  }

  /** Appends the record that was encoded. Its changes are made only when this returns. */
  #append(): void {
    writer.finish(this.#generations.nextNumber);
    this.#generations.append(writer.buffer, writer.length);
    this.#appends++;
    this.#timer ??= this.#startTimer(REST_MS);
  }

  #record(change: PendingItem, cost: number): void {
    const { rowStats, memoryCache, space } = this.#core;
    this.#generations.addPending(change);
    // What is in the journal takes space twice.
    if (cost > 0) space.charge(this.#core, 2 * cost);
    rowStats.recordUpdate(change.expiresAt);
    memoryCache.delete(change.key);
  }

  /** The timer goes on until everything is applied: in steps, one after the other, as long as nothing is appended. */
  #startTimer(delayMs: number): NodeJS.Timeout {
    const appends = this.#appends;
    return unrefTimer(
      setTimeout(() => {
        this.#timer = undefined;
        let next = REST_MS;
        runAndWarn(
          this.#core,
          () => {
            if (appends !== this.#appends || this.#core.transaction.depth > 0) return;
            this.#generations.unguarded(() => this.#applyAtRest());
            next = 0;
          },
          'Applying the journal of',
        );
        if (this.#generations.pendingCount > 0) this.#timer = this.#startTimer(next);
      }, delayMs),
    );
  }

  #applyAtRest(): void {
    if (this.#generations.pendingCount <= SLICE_CHANGES && !this.#generations.isSealed) this.#generations.applyAll();
    else this.#generations.applyStep();
  }
}

const toDeletion = (key: KeyColumn, now: number): PendingItem =>
  new PendingItem(key, true, 0, 0, null, now, now, 0, 0, null, null);
