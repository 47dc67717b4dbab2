/** What a host has found out about a damaged store, and what it did. */
export interface DamageReport {
  /** The path of the store below the directory of the host: `notes`, `_queues/mail`, `_windows`. */
  readonly store: string;
  readonly kind: 'cache' | 'fanout' | 'index' | 'deque' | 'settings' | 'queue';
  /**
   * `set-aside`: it begins empty. `restored`: it begins with the items that could be read, and with those of a backup. `noticed`: a call has
   * met the damage while the store was open; the next start of the host repairs it.
   */
  readonly outcome: 'set-aside' | 'restored' | 'noticed';
  /** The error that the damage led to, with the path of the damaged file. */
  readonly found: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Items that could be read and were kept; 0 unless the store was restored. */
  readonly saved: number;
  /** Items that were taken from the newest backup, because they could not be read. */
  readonly fromBackup: number;
  /** Items that can be seen to be damaged. */
  readonly damagedItems: number;
  /** Pages that can't be read; how many items were on them isn't known. */
  readonly damagedPages: number;
  /** Where the damaged store is kept; undefined for one that was `noticed`. */
  readonly keptIn: string | undefined;
}

const KINDS: ReadonlySet<unknown> = new Set<DamageReport['kind']>([
  'cache',
  'fanout',
  'index',
  'deque',
  'settings',
  'queue',
]);
const OUTCOMES: ReadonlySet<unknown> = new Set<DamageReport['outcome']>(['set-aside', 'restored', 'noticed']);
const COUNTS = ['at', 'saved', 'fromBackup', 'damagedItems', 'damagedPages'] as const;

/** Whether something that was read from a file, or sent by another process, is a report. */
export function isDamageReport(value: unknown): value is DamageReport {
  const report = Object(value) as Partial<DamageReport>;
  return (
    typeof report.store === 'string' &&
    typeof report.found === 'string' &&
    KINDS.has(report.kind) &&
    OUTCOMES.has(report.outcome) &&
    COUNTS.every((name) => Number.isFinite(report[name])) &&
    (report.keptIn === undefined || typeof report.keptIn === 'string')
  );
}
