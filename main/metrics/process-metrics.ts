import type { JobCounts } from '../queue/index.ts';
import type { DurationHistogram } from './duration-recorder.ts';

/** What a store holds now, and what it has done since counting began. */
export interface StoreMetrics {
  /** As it is now; undefined for a folder whose stores can't be measured, such as the windows' shards. */
  readonly now: StoreMeasurement | undefined;
  readonly transactions: {
    readonly committed: number;
    readonly rolledBack: number;
    /** Rows that they inserted, changed or deleted, the store's own bookkeeping included. */
    readonly rows: number;
    readonly duration: DurationHistogram;
  };
  readonly evictions: { readonly items: number; readonly bytes: number };
  /** `blocked`: a reader or writer kept SQLite from finishing. */
  readonly checkpoints: { readonly completed: number; readonly blocked: number; readonly duration: DurationHistogram };
}

export interface StoreMeasurement {
  readonly items: number;
  /** As `volume()`. */
  readonly bytes: number;
  /** Bytes; null for a store without a limit, undefined for a kind that has none. */
  readonly sizeLimit: number | null | undefined;
  /** As `stats()`: since the store was created. Undefined unless it is a cache with `statistics`. */
  readonly hits: number | undefined;
  readonly misses: number | undefined;
}

/** Calls over ports. */
export interface CallMetrics {
  readonly calls: number;
  /** Calls that failed, by the code of the error. */
  readonly failures: Readonly<Record<string, number>>;
  /** As `durationMs` of the channel `deskcache:call`. */
  readonly duration: DurationHistogram;
  /** As `blockedMs` of the channel `deskcache:call`. */
  readonly blocked: DurationHistogram;
}

export interface BridgeMetrics extends CallMetrics {
  /** Calls that were refused: the page may not make them, or the store does not exist. They are not part of `stores`. */
  readonly refused: number;
  /** By the name that pages use for a store. */
  readonly stores: Readonly<Record<string, CallMetrics & { readonly methods: Readonly<Record<string, number>> }>>;
  readonly sessions: {
    readonly opened: number;
    /** By the code of the reason. */
    readonly closed: Readonly<Record<string, number>>;
  };
}

export interface HttpMetrics {
  readonly requests: number;
  /** By what the cache did, in the words of RFC 9211: `hit`, or why it forwarded the request: `uri-miss`, `stale`, `method`, … */
  readonly decisions: Readonly<Record<string, number>>;
  /** By the code of the error, or the name of another error. */
  readonly failures: Readonly<Record<string, number>>;
  /** Sum of the responses' Content-Length; responses without it are not part of it. */
  readonly contentBytes: number;
  /** Until the head of the response was there. */
  readonly duration: DurationHistogram;
}

export interface QueueMetrics {
  /** The jobs by state now; undefined if this process doesn't have the queue open. */
  readonly now: JobCounts | undefined;
  readonly enqueued: number;
  readonly claimed: number;
  readonly done: number;
  /** Attempts that ended with their worker and aren't counted. */
  readonly returned: number;
  readonly retried: number;
  /** Jobs that failed for the last time. */
  readonly dead: number;
  /** Of attempts that workers of this process have made, whatever came of them. */
  readonly duration: DurationHistogram;
}

/** How late the event loop was, in milliseconds, since counting began (`monitorEventLoopDelay` of `node:perf_hooks`). */
export interface EventLoopDelay {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What one process has counted. Plain data. Counters only grow; `now` and `eventLoopDelay` are measured. */
export interface ProcessMetrics {
  readonly pid: number;
  /** Epoch milliseconds when counting began: counters begin again with the process. */
  readonly countedSince: number;
  /** By name; HTTP caches and the windows' shards by the name of their folder. */
  readonly stores: Readonly<Record<string, StoreMetrics>>;
  readonly bridge: BridgeMetrics;
  readonly http: HttpMetrics;
  readonly queues: Readonly<Record<string, QueueMetrics>>;
  readonly eventLoopDelay: EventLoopDelay;
}

/** The result of `host.metrics()`: each process counts what happens in it. */
export interface HostMetrics {
  readonly main: ProcessMetrics;
  /** With `placement: 'utility'`: the process that has the stores and serves the pages. */
  readonly utility: ProcessMetrics | undefined;
}
