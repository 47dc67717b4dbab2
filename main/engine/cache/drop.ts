import type { ChangeKind } from '../../../protocol/options.ts';
import type { DoomedRow } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { noteReplaced, removeFile } from './replaced-files.ts';

/** Deletes a row and, after the outermost commit, its file. Inside a write transaction. */
export function drop(core: Core, [id, key, file, size]: DoomedRow, kind: ChangeKind): void {
  core.sql.deleteById.run(id);
  if (kind !== 'delete' && isLogged(core)) core.sql.nameLastChange.run(kind);
  dropFile(core, file, size);
  core.ledger.deleted(1);
  core.memory.forget(key);
}

/** Invariant: a file goes only after the commit that took its name from the last row, so a rollback loses nothing. */
export function dropFile(core: Core, file: string | null, size: number): void {
  if (file === null) return;
  core.sql.count.run(-size, 'file bytes');
  if (core.settings.durability === 'process') noteReplaced(core, file, size);
  else core.transaction.afterCommit.push(() => removeFile(core, file));
}

/** Whether somebody listens, in whichever process. Inside a write transaction, in which nobody can begin to. */
export function isLogged({ transaction, sql }: Core): boolean {
  transaction.isLogged ??= sql.anyListener.first() !== undefined;
  return transaction.isLogged;
}

/** Bytes of a key on disk, about: characters beyond ASCII count as one. */
export const keyBytes = (key: KeyColumn): number => (typeof key === 'number' ? 8 : key.length);
