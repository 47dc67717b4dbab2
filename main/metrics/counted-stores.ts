import { isAbsolute, relative, sep } from 'node:path';
import type { CheckpointMessage, EvictionMessage, TransactionMessage } from '../engine/index.ts';
import type { JobMessage } from '../engine/internal.ts';
import type { JobCounts } from '../queue/index.ts';
import { DurationRecorder } from './duration-recorder.ts';
import type { QueueMetrics, StoreMeasurement, StoreMetrics } from './process-metrics.ts';

/** The events of one store. */
export class CountedStore {
  readonly #transactions = { committed: 0, rolledBack: 0, rows: 0, duration: new DurationRecorder() };
  readonly #evictions = { items: 0, bytes: 0 };
  readonly #checkpoints = { completed: 0, blocked: 0, duration: new DurationRecorder() };

  addTransaction({ outcome, rows, durationMs }: TransactionMessage): void {
    if (outcome === 'committed') this.#transactions.committed++;
    else this.#transactions.rolledBack++;
    this.#transactions.rows += rows;
    this.#transactions.duration.record(durationMs);
  }

  addEviction({ rows, bytes }: EvictionMessage): void {
    this.#evictions.items += rows;
    this.#evictions.bytes += bytes;
  }

  addCheckpoint({ isComplete, durationMs }: CheckpointMessage): void {
    if (isComplete) this.#checkpoints.completed++;
    else this.#checkpoints.blocked++;
    this.#checkpoints.duration.record(durationMs);
  }

  read(now: StoreMeasurement | undefined): StoreMetrics {
    return {
      now,
      transactions: { ...this.#transactions, duration: this.#transactions.duration.read() },
      evictions: { ...this.#evictions },
      checkpoints: { ...this.#checkpoints, duration: this.#checkpoints.duration.read() },
    };
  }
}

/** Attempts that are timed at once; further ones are counted only. */
const MAX_TIMED_ATTEMPTS = 10_000;

/** The events of one queue. */
export class CountedQueue {
  readonly #events = { enqueued: 0, claimed: 0, done: 0, returned: 0, retried: 0, dead: 0 };
  readonly #duration = new DurationRecorder();
  /** When the attempts under way were claimed, by the job. */
  readonly #claimedAt = new Map<number, number>();

  add({ event, id }: JobMessage): void {
    this.#events[event]++;
    if (event === 'enqueued') return;
    if (event === 'claimed') {
      if (this.#claimedAt.size < MAX_TIMED_ATTEMPTS) this.#claimedAt.set(id, performance.now());
      return;
    }
    const claimedAt = this.#claimedAt.get(id);
    if (claimedAt === undefined) return;
    this.#claimedAt.delete(id);
    this.#duration.record(performance.now() - claimedAt);
  }

  read(now: JobCounts | undefined): QueueMetrics {
    return { now, ...this.#events, duration: this.#duration.read() };
  }
}

const QUEUES_FOLDER = '_queues';

/** Which store or queue of a host a directory belongs to: shards belong to their store. */
export interface StoreLabel {
  readonly kind: 'store' | 'queue';
  readonly name: string;
}

/** Returns undefined for a directory that isn't one of the host's. */
export function toStoreLabel(hostDirectory: string, directory: string): StoreLabel | undefined {
  const path = relative(hostDirectory, directory);
  const [folder = '', inner = ''] = path.split(sep);
  if (folder === '' || folder === '..' || isAbsolute(path)) return undefined;
  return folder === QUEUES_FOLDER ? { kind: 'queue', name: inner } : { kind: 'store', name: folder };
}
