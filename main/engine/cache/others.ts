import type { Connection } from '../sqlite/connection.ts';
import { viewEnded, viewOpened } from '../sqlite/views.ts';
import { followSettings } from './configure.ts';
import type { Core } from './core.ts';
import { assertFormat } from './standing.ts';

/** Within one long turn, what others have written is looked for again after so many milliseconds. */
const TURN_PATIENCE = 3;

/** When this store last looked for what others have written. */
export class Outlook {
  looked = false;
  lookedAt = 0;
  /** A write or a wait of this thread has ended the view in this turn, and nothing was read since. */
  isCut = false;
  isEndQueued = false;
  /** One function for all views: a write or a wait of this thread ends them. */
  readonly cut: () => void;
  /** One function for all turns: their microtasks end the view. */
  readonly endTurn: () => void;

  constructor({ snapshot }: Connection) {
    const end = () => {
      this.looked = false;
      viewEnded(this.cut);
      snapshot.releaseQuietly();
    };
    this.cut = () => {
      this.isCut = true;
      end();
    };
    this.endTurn = () => {
      this.isEndQueued = false;
      this.isCut = false;
      end();
    };
  }
}

/**
 * Before something is read: has anybody else committed? Asked once per turn of the event loop, so that a read sees all that
 * was committed before its turn began, and once per transaction, whose snapshot is younger. The reads of a turn share one
 * snapshot as long as this thread writes nothing, to whichever store.
 */
export function noticeOthers(core: Core): void {
  const { outlook, transaction } = core;
  if (transaction.depth > 0) {
    if (transaction.noticed) return;
    transaction.noticed = true;
    compare(core);
    return;
  }
  if (outlook.looked && performance.now() - outlook.lookedAt < TURN_PATIENCE) return;
  if (!outlook.looked) viewOpened(outlook.cut);
  if (!outlook.isEndQueued) queueMicrotask(outlook.endTurn);
  outlook.isEndQueued = true;
  outlook.isCut = false;
  outlook.looked = true;
  outlook.lookedAt = performance.now();
  // Reads are stamped in order without asking the clock; here they catch up with it.
  if (core.uses.countsReads) core.stamps.at(core.clock());
  core.connection.snapshot.renew();
  if (compare(core)) followSettings(core);
}

/**
 * Whether the next read from disk does without a view: the first one after a write. A single statement sees everything that is
 * committed, and to begin a view that the next write ends costs as much as the read. Not for what is remembered.
 */
export function readsPast({ outlook, transaction }: Core): boolean {
  if (!outlook.isCut || transaction.depth > 0) return false;
  outlook.isCut = false;
  return performance.now() - outlook.lookedAt < TURN_PATIENCE;
}

/** Whether somebody has; then nothing that is remembered holds any more. */
function compare(core: Core): boolean {
  const { ledger, memory, sql, usage } = core;
  if (usage.exclusive) return false;
  const version = sql.dataVersion.first()?.[0] ?? 0;
  if (version === ledger.dataVersion) return false;
  assertFormat(core);
  ledger.dataVersion = version;
  ledger.forget();
  memory.clear();
  return true;
}
