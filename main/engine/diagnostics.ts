import { channel, subscribe } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import type { CheckpointMessage, DiagnosticsMessages, TransactionMessage } from './diagnostics-messages.ts';
import type { Core } from './state/core.ts';

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
  ({ mode, frames, isComplete, durationMs, directory }) =>
    `checkpoint ${mode} of ${formatCount(frames, 'frame')} ${isComplete ? 'completed' : 'blocked'} after ${formatMs(durationMs)}: ${directory}`,
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
  checkpointChannel.publish({ directory, mode, frames, isComplete, durationMs: performance.now() - startedAt });
  return isComplete;
}
