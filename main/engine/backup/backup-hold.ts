import { randomUUID } from 'node:crypto';
import { inWriteTransaction } from '../cache/transaction.ts';
import { deleteHold, HOLD_PREFIX, listHolds, putHold } from '../sqlite/backup-statements.ts';
import type { Core } from '../state/core.ts';

/** How long files are kept after the process that makes the backup was last seen. */
const HOLD_MS = 60_000;
const RENEWAL_MS = 10_000;

/** Keeps the files of replaced values where they are, until it is released or its process ends. */
export class BackupHold {
  readonly #core: Core;
  readonly #name = HOLD_PREFIX + randomUUID();
  #renewAt = 0;

  /** @throws {DiskCacheError} `BUSY`, `DISK_FULL`, `READ_ONLY` */
  constructor(core: Core) {
    this.#core = core;
    const { sql } = core;
    const now = core.clock();
    // A hold further in the future was written before the clock was set back.
    const isEnded = (until: number) => until <= now || until > now + 2 * HOLD_MS;
    inWriteTransaction(core, () => {
      for (const [name, until] of listHolds(sql)) if (isEnded(until)) deleteHold(sql, name);
      this.#put(now);
    });
  }

  /** To be called now and then. */
  renew(): void {
    const now = this.#core.clock();
    if (now >= this.#renewAt) inWriteTransaction(this.#core, () => this.#put(now));
  }

  release(): void {
    inWriteTransaction(this.#core, () => deleteHold(this.#core.sql, this.#name));
  }

  #put(now: number): void {
    putHold(this.#core.sql, this.#name, now + HOLD_MS);
    this.#renewAt = now + RENEWAL_MS;
  }
}
