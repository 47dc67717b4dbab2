import { followSettings } from './configure.ts';
import type { Core } from './core.ts';

/** Within one long turn, what others have written is looked for again after so many milliseconds. */
const TURN_PATIENCE = 3;

/** When this store last looked for what others have written. */
export class Outlook {
  looked = false;
  lookedAt = 0;
  /** One function for all turns: the turn's microtasks end it. */
  readonly endTurn = (): void => {
    this.looked = false;
  };
}

/**
 * Before something is answered from memory: has anybody else committed? Asked once per turn of the event loop, so that a
 * read sees all that was committed before its turn began, and once per transaction, whose snapshot is younger.
 */
export function noticeOthers(core: Core): void {
  const { outlook, transaction } = core;
  if (transaction.depth > 0) {
    if (transaction.noticed) return;
    transaction.noticed = true;
  } else {
    if (outlook.looked && performance.now() - outlook.lookedAt < TURN_PATIENCE) return;
    if (!outlook.looked) queueMicrotask(outlook.endTurn);
    outlook.looked = true;
    outlook.lookedAt = performance.now();
    // Reads are stamped in order without asking the clock; here they catch up with it.
    if (core.uses.countsReads) core.stamps.at(core.clock());
  }
  if (core.usage.exclusive && core.ledger.dataVersion !== -1) return;
  const version = core.sql.dataVersion.first()?.[0] ?? 0;
  if (version === core.ledger.dataVersion) return;
  core.ledger.dataVersion = version;
  core.ledger.forget();
  core.memory.clear();
  if (transaction.depth === 0) followSettings(core);
}
