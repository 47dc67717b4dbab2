import type { ErrorCode } from '../../protocol/error.ts';
import type { EvictionPolicyName } from '../../protocol/options.ts';

/** `deskcache:transaction`: a write transaction of a store has ended, or a write of one statement was committed. */
export interface TransactionMessage {
  readonly directory: string;
  readonly outcome: 'committed' | 'rolled back';
  /** Rows that its statements inserted, changed or deleted, the store's own bookkeeping included. */
  readonly rows: number;
  /** Milliseconds since the write lock was asked for, or since a write of one statement began. */
  readonly durationMs: number;
}

/** `deskcache:eviction`: items were evicted for space, and that was committed. */
export interface EvictionMessage {
  readonly directory: string;
  readonly policy: EvictionPolicyName;
  readonly rows: number;
  /** Bytes that they took of the size limit, about. */
  readonly bytes: number;
}

/** `deskcache:checkpoint`: deskcache has asked SQLite to move the write-ahead log into the database file. */
export interface CheckpointMessage {
  readonly directory: string;
  /** See https://sqlite.org/pragma.html#pragma_wal_checkpoint. */
  readonly mode: 'PASSIVE' | 'TRUNCATE';
  /** Pages that the log file had room for, those already checkpointed included. */
  readonly frames: number;
  /** False if a reader or writer kept SQLite from finishing; it is tried again later. */
  readonly isComplete: boolean;
  readonly durationMs: number;
}

/** `deskcache:session`: a page, or the main process of a host with `placement: 'utility'`, has connected or disconnected. */
export interface SessionMessage {
  readonly event: 'opened' | 'closed';
  /** What the port is for: calls of stores, or `fetch` and CacheStorage. */
  readonly kind: 'stores' | 'http';
  /** The name under which the window was attached; undefined for the main process. */
  readonly window: string | undefined;
  readonly origin: string | undefined;
  /** Why it was closed; undefined for `opened`. */
  readonly code: ErrorCode | undefined;
}

/** `deskcache:call`: a call over a port was served. Keys and values are never part of it. */
export interface CallMessage {
  readonly store: string;
  readonly method: string;
  /** Milliseconds that it ran; time in queues is not counted, nor are pauses in which other pages had a turn. */
  readonly durationMs: number;
  /** Why it failed; undefined if it succeeded. */
  readonly code: ErrorCode | undefined;
}

/** `deskcache:http`: an HTTP cache has decided how to answer a request, and its response has begun or failed. */
export interface HttpMessage {
  readonly method: string;
  /** Without query and fragment, which may hold secrets. */
  readonly url: string;
  /**
   * The whole address. A getter of the prototype: `JSON.stringify`, `console.log` and `structuredClone` leave it out, so it is
   * written down only where it is asked for.
   */
  readonly fullUrl: string;
  /** What this cache did, as a member of Cache-Status (RFC 9211): `deskcache; hit; ttl=59`. Undefined for a failure. */
  readonly cacheStatus: string | undefined;
  /** Status of the response; undefined for a failure. */
  readonly status: number | undefined;
  /** Milliseconds until the head of the response was there. */
  readonly durationMs: number;
  /** An `ErrorCode`, or the name of another error: `TypeError` if the origin can't be reached, `AbortError`. */
  readonly failure: string | undefined;
}

/** `deskcache:queue`: a job of a durable queue was given another state, and that was committed. Payloads are never part of it. */
export interface JobMessage {
  readonly directory: string;
  readonly id: number;
  /**
   * `claimed`: a worker begins an attempt. `returned`: the attempt ended with its worker and isn't counted. `retried`: it failed, and
   * another one follows. `dead`: it failed for the last time.
   */
  readonly event: 'enqueued' | 'claimed' | 'done' | 'returned' | 'retried' | 'dead';
  /** From 1; 0 for `enqueued`. */
  readonly attempt: number;
  /** Milliseconds until the next attempt may begin, for `enqueued` and `retried`. */
  readonly delayMs: number | undefined;
}

/** The messages of each channel of `node:diagnostics_channel` that this package publishes. */
export interface DiagnosticsMessages {
  'deskcache:transaction': TransactionMessage;
  'deskcache:eviction': EvictionMessage;
  'deskcache:checkpoint': CheckpointMessage;
  'deskcache:session': SessionMessage;
  'deskcache:call': CallMessage;
  'deskcache:http': HttpMessage;
  'deskcache:queue': JobMessage;
}
