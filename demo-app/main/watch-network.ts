import { setTimeout as wait } from 'node:timers/promises';

export interface NetworkOptions {
  /** Receives the state. */
  readonly connection: { set(online: boolean): void };
  /** Whether the user has switched the network off. */
  readonly isSwitchedOff: () => boolean;
  /** Whether the server answers. */
  readonly isReachable: () => Promise<boolean>;
  /** Stops the watch. */
  readonly signal: AbortSignal;
}

const HEARTBEAT_INTERVAL_MS = 2_000;

/**
 * Polls the server: Atlas is online while it answers and the user has not switched the network off. Returns a function that checks at
 * once, for when the switch was used.
 */
export function watchNetwork({ connection, isSwitchedOff, isReachable, signal }: NetworkOptions): () => Promise<void> {
  async function check(): Promise<void> {
    if (isSwitchedOff()) return connection.set(false);
    const isOnline = await isReachable();
    if (!signal.aborted) connection.set(isOnline && !isSwitchedOff());
  }
  async function runHeartbeat(): Promise<void> {
    while (!signal.aborted) {
      await check();
      await wait(HEARTBEAT_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  void runHeartbeat();
  return check;
}
