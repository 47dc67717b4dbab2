import { channel, subscribe } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import type { EvictionPolicyName } from '../../protocol/options.ts';
import type { Core } from './state/core.ts';
import { warn } from './validate.ts';

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
  /** True if it ran in the worker thread, false if it ran in the thread of the store. */
  readonly isInWorker: boolean;
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
  /** The longest time for which it held the thread, without a pause; not counted is the commit of several calls together. */
  readonly blockedMs: number;
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
  /** Bytes of the body by the field Content-Length; undefined without it. */
  readonly contentLength: number | undefined;
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

/** `deskcache:damage`: a host has found a damaged store, and has repaired it or will at its next start. */
export interface DamageMessage {
  /** The path of the store below the directory of the host. */
  readonly store: string;
  readonly outcome: 'set-aside' | 'restored' | 'noticed';
  /** Items that were kept; 0 unless it was restored. */
  readonly items: number;
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
  'deskcache:damage': DamageMessage;
}

/*
 * What happens inside, for monitoring. Publishers ask `hasSubscribers` first and make a message only then, so a channel that nothing
 * listens to costs one property read.
 */

type ChannelName = keyof DiagnosticsMessages;

/** A channel of `node:diagnostics_channel` with the type of its messages. */
export interface DiagnosticsChannel<M> {
  readonly hasSubscribers: boolean;
  /** A subscriber that throws doesn't disturb the publisher: Node raises `uncaughtException` in the next tick. */
  publish(message: M): void;
}

const log = debuglog('deskcache');

/** Channels that are printed; shared with another build of this package in the same process. */
const PRINTED_CHANNELS = Symbol.for('deskcache.printedChannels');

/** Returns the channel `name`. With `NODE_DEBUG=deskcache` its messages are printed, a line each, as `toLine` words them. */
function openChannel<N extends ChannelName>(
  name: N,
  toLine: (message: DiagnosticsMessages[N]) => string,
): DiagnosticsChannel<DiagnosticsMessages[N]> {
  const shared = globalThis as { [PRINTED_CHANNELS]?: Set<ChannelName> };
  if (log.enabled && !shared[PRINTED_CHANNELS]?.has(name)) {
    shared[PRINTED_CHANNELS] = (shared[PRINTED_CHANNELS] ?? new Set()).add(name);
    subscribe(name, (message) => log('%s', toLine(message as DiagnosticsMessages[N])));
  }
  return channel(name);
}

const formatMs = (durationMs: number): string => `${durationMs.toFixed(durationMs < 10 ? 2 : 0)} ms`;
const formatCount = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const transactionChannel = openChannel(
  'deskcache:transaction',
  ({ outcome, rows, durationMs, directory }) =>
    `transaction ${outcome} after ${formatMs(durationMs)}, ${formatCount(rows, 'row')} written: ${directory}`,
);

export const evictionChannel = openChannel(
  'deskcache:eviction',
  ({ rows, bytes, policy, directory }) =>
    `evicted ${formatCount(rows, 'item')}, ${bytes} bytes, ${policy}: ${directory}`,
);

export const checkpointChannel = openChannel(
  'deskcache:checkpoint',
  ({ mode, frames, isComplete, isInWorker, durationMs, directory }) =>
    `checkpoint ${mode} of ${formatCount(frames, 'frame')} ${isComplete ? 'completed' : 'blocked'} after ${formatMs(durationMs)}${isInWorker ? ' in the worker thread' : ''}: ${directory}`,
);

export const sessionChannel = openChannel('deskcache:session', ({ event, kind, window, origin, code }) => {
  const page = window === undefined ? '' : `, window "${window}"`;
  return `session for ${kind} ${event}${page}${origin === undefined ? '' : `, ${origin}`}${code === undefined ? '' : `: ${code}`}`;
});

export const callChannel = openChannel(
  'deskcache:call',
  ({ store, method, durationMs, code }) =>
    `call ${store}.${method} ${code === undefined ? 'returned' : `failed with ${code}`} after ${formatMs(durationMs)}`,
);

export const httpChannel = openChannel(
  'deskcache:http',
  ({ method, url, cacheStatus, status, durationMs, failure }) => {
    const outcome =
      failure === undefined ? `${status}, ${cacheStatus ?? 'not from the cache'}` : `failed with ${failure}`;
    return `http ${method} ${url}: ${outcome} after ${formatMs(durationMs)}`;
  },
);

export const queueChannel = openChannel('deskcache:queue', ({ event, id, attempt, delayMs, directory }) => {
  const nth = attempt === 0 ? '' : `, attempt ${attempt}`;
  return `job ${id} ${event}${nth}${delayMs ? `, next in ${delayMs} ms` : ''}: ${directory}`;
});

export const damageChannel = openChannel(
  'deskcache:damage',
  ({ store, outcome, items }) =>
    `damage of ${store}: ${outcome}${items > 0 ? `, ${formatCount(items, 'item')} kept` : ''}`,
);

/** Write transactions that began while there was a subscriber: the time, and the rows that the connection had written by then. */
const starts = new WeakMap<Core, { readonly at: number; readonly rows: number }>();

const countWrittenRows = ({ sql }: Core): number =>
  sql.dynamic<[number]>('SELECT total_changes()').first()?.[0] ?? Number.NaN;

/** Before a write transaction, or a write of one statement. */
export function recordTransactionStart(core: Core): void {
  starts.set(core, { rows: countWrittenRows(core), at: performance.now() });
}

/** After its end. Publishes nothing if nothing listened when it began, or if its end was published already. */
export function publishTransaction(core: Core, outcome: TransactionMessage['outcome']): void {
  const start = starts.get(core);
  if (start === undefined) return;
  starts.delete(core);
  const durationMs = performance.now() - start.at;
  const rows = countWrittenRows(core) - start.rows;
  transactionChannel.publish({ directory: core.directory, outcome, rows, durationMs });
}

/** After the commit of the transaction that evicts; not at all if it is rolled back. */
export function publishEviction({ directory, settings, transaction }: Core, rows: number, bytes: number): void {
  const policy = settings.evictionPolicy;
  transaction.afterCommit.push(() => evictionChannel.publish({ directory, policy, rows, bytes }));
}

const WAL_HEADER_BYTES = 32;
const WAL_FRAME_HEADER_BYTES = 24;

/** Runs a checkpoint and publishes how it went. */
export function publishCheckpoint(
  { directory, pageSize }: Core,
  mode: CheckpointMessage['mode'],
  walBytes: number,
  run: () => boolean,
): boolean {
  const frames = Math.max(0, Math.floor((walBytes - WAL_HEADER_BYTES) / (pageSize + WAL_FRAME_HEADER_BYTES)));
  const startedAt = performance.now();
  const isComplete = run();
  const durationMs = performance.now() - startedAt;
  checkpointChannel.publish({ directory, mode, frames, isComplete, isInWorker: false, durationMs });
  return isComplete;
}

/** Runs `work` without waiting for a lock. Returns false if the store refused it: a later call tries again. */
export function tryWithoutWaiting({ connection }: Core, work: () => void): boolean {
  try {
    connection.withoutRetry(work);
    return true;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return false;
  }
}

/**
 * Runs work after a commit or on a timer. It must not fail: the commit is done, and a timer has no caller. The next call tries again;
 * the process gets a warning.
 */
export function runAndWarn(core: Core, work: () => void, activity = 'Tidying up'): void {
  try {
    work();
  } catch (error) {
    warnUnlessTransient(core, error, activity);
  }
}

export function warnUnlessTransient(core: Core, error: unknown, activity = 'Tidying up'): void {
  if (!isBusyOrFull(error)) warn(error, core.maintenance, `${activity} ${core.directory}`);
}

/** True for a failure that passes: another process reads or writes, or the disk is full. */
export const isBusyOrFull = (error: unknown): boolean =>
  error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'DISK_FULL');
