import type { MoveSource } from '../../../protocol/move-source.ts';
import { readMetadata, writeMetadata } from '../cache/open.ts';
import { transact } from '../cache/transaction.ts';
import { addMarks, getDueValues, isRefused, type MoveMarks, readPending, warnAboutFaults } from '../moving/move-in.ts';
import type { Core } from '../state/core.ts';
import { isEqual } from '../values/equality.ts';

/** The methods of an index that a move uses. */
interface MovedInto {
  has(key: string): boolean;
  set(key: string, value: unknown): unknown;
}

/** The name of the marks in the table `setting`, where they are JSON. On disk: docs/disk-format.md. */
const MARKS = 'moved_in';

/** Moves the files of another library into an index that is being opened: each top-level member becomes an entry. */
export function moveIntoIndex(core: Core, sources: readonly MoveSource[], index: MovedInto): void {
  const pending = readPending(sources, readMarks(core));
  if (pending.length === 0) return;
  const refused = new Map<string, string>();
  transact(core, () => {
    const marks = readMarks(core);
    for (const move of pending) {
      for (const [name, value] of getDueValues(move, marks)) {
        const reason = trySet(index, name, value);
        if (reason !== undefined) refused.set(name, reason);
      }
    }
    const marked = addMarks(marks, pending);
    if (!isEqual(marked, marks)) writeMetadata(core, MARKS, JSON.stringify(marked));
  });
  warnAboutFaults(pending, refused);
}

/** Sets an entry, unless the key is there. Returns the reason if its key or value is refused; throws any other error. */
function trySet(index: MovedInto, name: string, value: unknown): string | undefined {
  try {
    if (!index.has(name)) index.set(name, value);
    return undefined;
  } catch (error) {
    if (isRefused(error)) return error.message;
    throw error;
  }
}

const readMarks = ({ sql }: Core): MoveMarks => JSON.parse(String(readMetadata(sql, MARKS) ?? '{}')) as MoveMarks;
