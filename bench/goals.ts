import { BASELINE, type Goal, OURS } from './harness/benchmark.ts';
import { PYTHON_NAME } from './peer/python.ts';
import { BEFORE, EXCLUSIVE, EXCLUSIVE_BEFORE } from './peer/stores/deskcache.ts';
import { LEVEL } from './peer/stores/level.ts';
import { LMDB } from './peer/stores/lmdb.ts';

export const ALLOWED = 'what is allowed';
export const COMLINK = 'plain Comlink.expose of the engine';
/** The same engine as ours beside it. */
export const COMLINK_EXCLUSIVE = `${COMLINK}, exclusive`;

const atMost = (against: string, ratio: number, subject = EXCLUSIVE): Goal => ({ subject, against, atMost: ratio });
const faster = (against: string, timesFaster: number, subject = EXCLUSIVE): Goal => ({ subject, against, timesFaster });
/** A store that other processes may open too must not become slower. Five percent is what two runs of one build differ by. */
const NOT_SLOWER = atMost(BEFORE, 1.05, OURS);

/**
 * What the engine is meant to reach beside others, by row: ratios within one run. Unless the row says otherwise: an exclusive store,
 * durability 'process', values of 100 bytes, 20 000 operations in a row.
 */
export const GOALS = {
  'set, new': [atMost(BASELINE, 0.25), atMost(LMDB, 0.55), faster(PYTHON_NAME, 8), NOT_SLOWER],
  'set, over': [atMost(BASELINE, 0.25), atMost(LMDB, 0.55), faster(PYTHON_NAME, 8), NOT_SLOWER],
  '1000 in a transaction': [atMost(LMDB, 1), NOT_SLOWER],
  delete: [atMost(BASELINE, 0.35), atMost(LEVEL, 0.5), NOT_SLOWER],
  '200 000 random sets': [atMost(BASELINE, 0.7), NOT_SLOWER],
  '1000 hot keys': [atMost(BASELINE, 0.3), NOT_SLOWER],
  'queue: push, get, delete': [atMost(EXCLUSIVE_BEFORE, 0.2), NOT_SLOWER],
  'get, used recently': [atMost(BASELINE, 0.06), faster(PYTHON_NAME, 15), NOT_SLOWER],
  'get, any': [atMost(BASELINE, 0.8), NOT_SLOWER],
  'object, used recently': [atMost(BASELINE, 0.1), NOT_SLOWER],
  'object, any': [NOT_SLOWER],
  'on disk, closed': [atMost(BASELINE, 1.2)],
  'Index set': [faster(PYTHON_NAME, 6)],
  'Deque ends': [faster(PYTHON_NAME, 8)],
  'sets in flight': [faster(COMLINK_EXCLUSIVE, 5)],
  'gets in flight': [faster(COMLINK_EXCLUSIVE, 5)],
  'worst pause': [atMost(ALLOWED, 1)],
  'p99 of the event loop': [atMost(ALLOWED, 1)],
  'open 10 M': [atMost(ALLOWED, 1)],
} as const satisfies Readonly<Record<string, readonly Goal[]>>;

/** Limits in milliseconds behind the goals that name no other store. */
export const MAX_PAUSE_MS = 5;
export const MAX_EVENT_LOOP_P99_MS = 4;
export const MAX_OPEN_MS = 50;
