import { DiskCacheError } from '../../../protocol/error.ts';
import { publishTransaction, recordTransactionStart, transactionChannel } from '../diagnostics.ts';
import { assertFilesUnchanged } from '../space/store-files.ts';
import { runAndWarn } from '../space/warnings.ts';
import type { Core } from '../state/core.ts';
import { persistLatestTime } from './latest-time.ts';

/**
 * Before every write. `now` is what the clock has just returned.
 *
 * @throws {DiskCacheError} `READ_ONLY` if the store was opened so; what `assertFilesUnchanged` throws; `BUSY` while a reader makes the
 * WAL grow without bound; inside a transaction that was lost, the code of what ended it.
 */
export function beforeWrite(core: Core, now = core.clock()): void {
  if (core.openOptions.readOnly) {
    throw new DiskCacheError(
      'READ_ONLY',
      `${core.directory} was opened with readOnly; open it for writing to change it`,
    );
  }
  if (core.transaction.depth > 0) assertTransactionAlive(core);
  else {
    assertFilesUnchanged(core);
    core.space.beforeWrite(core);
    if (transactionChannel.hasSubscribers) recordTransactionStart(core);
  }
  persistLatestTime(core, now);
}

/** Invariant: nothing is written after a transaction was lost half-way, otherwise its second half would be committed alone. */
export function assertTransactionAlive(core: Core): void {
  if (core.connection.inTransaction) return;
  const { lastFailure } = core.connection;
  throw new DiskCacheError(
    lastFailure?.code ?? 'DISK_FULL',
    `The transaction on ${core.directory} was ended by an earlier failure inside it; nothing of it was kept`,
    { cause: lastFailure },
  );
}

/** After every write; works only after the commit. */
export function afterWrite(core: Core): void {
  const { transaction } = core;
  if (transaction.depth > 0) return;
  if (transactionChannel.hasSubscribers) publishTransaction(core, 'committed');
  if (transaction.onCommit !== undefined) runAndWarn(core, transaction.onCommit, 'Telling the changes of');
  // A listener may have closed the store.
  if (core.connection.isOpen) core.space.afterCommit(core);
}
