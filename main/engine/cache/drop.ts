import { DiskCacheError } from '../../../protocol/error.ts';
import type { ChangeKind } from '../../../protocol/options.ts';
import type { DoomedRow } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { noteReplaced, removeFile } from './replaced-files.ts';

/** Deletes a row and, after the outermost commit, its file. Inside a write transaction. */
export function drop(core: Core, [id, key, file, size]: DoomedRow, kind: ChangeKind): void {
  if (core.sql.deleteById.run(id).changes === 0) throw lostRow(core);
  if (kind !== 'delete' && isLogged(core)) core.sql.nameLastChange.run(kind);
  dropFile(core, file, size);
  core.ledger.deleted(1);
  core.memory.forget(key);
}

/** A row was found, and is not where its id says. */
export const lostRow = ({ connection }: Core): DiskCacheError =>
  new DiskCacheError('CORRUPT', `${connection.path} holds a row whose id is damaged; run check({ repair: true })`);

/** Invariant: a file goes only after the commit that took its name from the last row, so a rollback loses nothing. */
export function dropFile(core: Core, file: string | null, size: number): void {
  if (file === null) return;
  core.sql.count.run(-size, 'file bytes');
  if (core.settings.durability === 'process') noteReplaced(core, file, size);
  else core.transaction.afterCommit.push(() => removeFile(core, file));
}

/** Whether any process has a listener. Inside a write transaction, during which none can be added. */
export function isLogged({ transaction, sql }: Core): boolean {
  transaction.isLogged ??= sql.anyListener.first() !== undefined;
  return transaction.isLogged;
}

/** Bytes of a key on disk, about: characters beyond ASCII count as one. */
export const keyBytes = (key: KeyColumn): number => (typeof key === 'number' ? 8 : (key?.length ?? 0));
