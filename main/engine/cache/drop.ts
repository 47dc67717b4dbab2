import type { ChangeKind } from '../../../protocol/options.ts';
import type { DoomedRow } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';

/** Deletes a row and, after the outermost commit, its file. Inside a write transaction. */
export function drop(core: Core, [id, key, file, size]: DoomedRow, kind: ChangeKind): void {
  core.sql.deleteById.run(id);
  dropFile(core, file, size);
  core.ledger.deleted(1);
  changed(core, kind, key);
}

/** Invariant: a file goes only after the commit that took its name from the last row, so a rollback loses nothing. */
export function dropFile(core: Core, file: string | null, size: number): void {
  if (file === null) return;
  core.sql.count.run(-size, 'file bytes');
  core.transaction.afterCommit.push(() => core.files.remove(file));
}

/** Told of every change to a row, whatever it came by. */
export function changed(core: Core, _kind: ChangeKind, key: KeyColumn): void {
  core.memory.forget(key);
}

/** Bytes of a key on disk, about: characters beyond ASCII count as one. */
export const keyBytes = (key: KeyColumn): number => (typeof key === 'number' ? 8 : key.length);
