import { deleteFileAfterCommit, isChangeLogged } from '../space/delete-row.ts';
import type { Core } from '../state/core.ts';
import type { ApplyTarget } from './apply.ts';

/** Returns the tables of an open store, and what it keeps of their rows in memory. */
export function createTarget(core: Core): ApplyTarget {
  const { sql, rowStats, accessBuffer, memoryCache } = core;
  return {
    sql,
    inserted(id, expiresAt) {
      rowStats.recordInsert(id, expiresAt);
    },
    updated(id, item) {
      // Its reads are counted from the last set.
      accessBuffer.take(id);
      if (accessBuffer.tracksReads) {
        accessBuffer.move(item.id, id);
        memoryCache.delete(item.key);
      }
      rowStats.recordUpdate(item.expiresAt);
    },
    deleted() {
      rowStats.recordDelete(1);
    },
    fileReplaced(file, bytes) {
      deleteFileAfterCommit(core, file, bytes);
    },
  };
}

/** Applies changes that listeners were told about when they were appended. Inside a write transaction. */
export function withoutLog(core: Core, apply: () => void): void {
  if (!isChangeLogged(core)) {
    apply();
    return;
  }
  const last = core.sql.lastChange.first()?.[0] ?? 0;
  apply();
  core.sql.unlogAfter.run(last);
}
