import { setTimeout as wait } from 'node:timers/promises';

export interface NetworkOptions {
  /** Told how it is. */
  readonly connection: { set(online: boolean): void };
  /** Whether somebody wants to stay off the network. */
  readonly isSwitchedOff: () => boolean;
  /** Whether the server answers. */
  readonly isReachable: () => Promise<boolean>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const HEARTBEAT_INTERVAL_MS = 2_000;

/**
 * Keeps asking whether the server answers, so that its going and coming back are noticed without a click: Atlas is online while it
 * does and nobody has switched the network off. Answers how to look at once, because the switch was moved.
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
