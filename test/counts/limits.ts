import type { CallCounts, MemoryCounts } from './read-counts.ts';

/** The most that one operation may cost, and at least where less would be a broken promise. */
export interface Limit {
  readonly operation: string;
  readonly stores: readonly ('shared' | 'exclusive' | "'power'")[];
  readonly most: Partial<Omit<MemoryCounts & CallCounts, 'name'>>;
  readonly least?: Partial<Omit<MemoryCounts & CallCounts, 'name'>>;
  readonly why: string;
}

/**
 * Limits on counts, never on times: they hold on any machine under any load. Statements have a tenth to spare for what happens once
 * in a turn or now and then; writes are those of SQLite for pages of 4096 bytes; bytes of the heap are coarse, half as much again as was
 * measured, because the compiler decides when it stops to box numbers.
 */
export const LIMITS: readonly Limit[] = [
  {
    operation: 'get, used recently',
    stores: ['shared', 'exclusive'],
    most: { statements: 0.1, writes: 0, syncs: 0, heapBytes: 550 },
    why: 'memory answers; the look at what others wrote is shared by all gets of a turn',
  },
  {
    operation: 'get of an object, used recently',
    stores: ['shared', 'exclusive'],
    most: { statements: 0.1, writes: 0, syncs: 0, heapBytes: 550 },
    why: 'the object is one of the caller’s own, so it has to be made; nothing else is',
  },
  {
    operation: 'get, not in memory',
    stores: ['shared', 'exclusive'],
    most: { statements: 1.1, writes: 0, syncs: 0, heapBytes: 1600 },
    least: { statements: 1 },
    why: 'one statement reads the row; recency is kept in memory and written later',
  },
  {
    operation: 'get of a page, many in a turn',
    stores: ['shared', 'exclusive'],
    most: { statements: 0.1, writes: 0, syncs: 0, messages: 0.02, heapBytes: 6000 },
    why: 'the gets of a turn are one message and one answer',
  },
  {
    operation: 'set, new',
    stores: ['shared'],
    most: { statements: 1.1, writes: 6, syncs: 0.02, heapBytes: 2200 },
    why: 'one statement, and pages of two trees into the log, each a header and a page',
  },
  {
    operation: 'set, over',
    stores: ['shared'],
    most: { statements: 1.1, writes: 2.2, syncs: 0.02, heapBytes: 2200 },
    why: 'one statement, and one page into the log: a header and the page',
  },
  {
    operation: 'delete',
    stores: ['shared'],
    most: { statements: 1.1, writes: 6, syncs: 0.02, heapBytes: 1300 },
    why: 'one statement, and pages of two trees',
  },
  {
    operation: 'set in a transaction of many',
    stores: ['shared'],
    most: { statements: 1.1, writes: 0.2, syncs: 0.02, heapBytes: 2100 },
    why: 'a page that many sets change is written once, at the commit',
  },
  {
    operation: 'setMany',
    stores: ['shared'],
    most: { statements: 1.1, writes: 0.2, syncs: 0.02, heapBytes: 2100 },
    why: 'the same as a transaction',
  },
  {
    operation: 'set of a page, many in a turn',
    stores: ['shared'],
    most: { statements: 1.1, writes: 0.2, syncs: 0.02, messages: 0.02, heapBytes: 8500 },
    why: 'the sets of a turn are one message, one transaction and one answer',
  },
  {
    operation: 'set, new',
    stores: ['exclusive'],
    most: { statements: 0.1, writes: 1.1, syncs: 0.02, heapBytes: 2400 },
    why: 'one record of the journal, in one write',
  },
  {
    operation: 'set, over',
    stores: ['exclusive'],
    most: { statements: 0.1, writes: 1.1, syncs: 0.02, heapBytes: 2400 },
    why: 'one record of the journal, in one write',
  },
  {
    operation: 'delete',
    stores: ['exclusive'],
    most: { statements: 0.1, writes: 1.1, syncs: 0.02, heapBytes: 1500 },
    why: 'one record of the journal, in one write',
  },
  {
    operation: 'set in a transaction of many',
    stores: ['exclusive'],
    most: { statements: 0.1, writes: 0.02, syncs: 0.02, heapBytes: 1900 },
    why: 'the whole transaction is one record of the journal',
  },
  {
    operation: 'setMany',
    stores: ['exclusive'],
    most: { statements: 0.1, writes: 0.02, syncs: 0.02, heapBytes: 2050 },
    why: 'the whole call is one record of the journal',
  },
  {
    operation: 'set of a page, many in a turn',
    stores: ['exclusive'],
    most: { statements: 0.1, writes: 0.02, syncs: 0.02, messages: 0.02, heapBytes: 8500 },
    why: 'the sets of a turn are one message, one record and one answer',
  },
  {
    operation: 'set, new',
    stores: ["'power'"],
    most: { statements: 2.2, writes: 6, syncs: 1 },
    least: { syncs: 1 },
    why: 'each set that has returned has been synced, by itself',
  },
  {
    operation: 'set, over',
    stores: ["'power'"],
    most: { statements: 2.2, writes: 2.2, syncs: 1 },
    least: { syncs: 1 },
    why: 'each set that has returned has been synced, by itself',
  },
  {
    operation: 'delete',
    stores: ["'power'"],
    most: { statements: 2.2, writes: 6, syncs: 1 },
    least: { syncs: 1 },
    why: 'each delete that has returned has been synced, by itself',
  },
  {
    operation: 'set in a transaction of many',
    stores: ["'power'"],
    most: { statements: 1.2, writes: 0.3, syncs: 0.05 },
    least: { syncs: 0.05 },
    why: 'the whole transaction shares one sync',
  },
  {
    operation: 'setMany',
    stores: ["'power'"],
    most: { statements: 1.2, writes: 0.3, syncs: 0.05 },
    least: { syncs: 0.05 },
    why: 'the whole call shares one sync',
  },
  {
    operation: 'set of a page, many in a turn',
    stores: ["'power'"],
    most: { statements: 1.2, writes: 0.3, syncs: 0.05, messages: 0.1 },
    least: { syncs: 0.05 },
    why: 'the sets of a turn share one message and one sync',
  },
];
