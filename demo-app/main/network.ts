import { setTimeout as wait } from 'node:timers/promises';

export interface NetworkOptions {
  /** Told how it is. */
  readonly connection: { set(online: boolean): void };
  /** Whether somebody wants to stay off the network. */
  readonly isSwitchedOff: () => boolean;
  /** Whether the server answers. */
  readonly reach: () => Promise<boolean>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const HEARTBEAT = 2_000;

/**
 * Keeps asking whether the server answers, so that its going and coming back are noticed without a click: Atlas is online while it
 * does and nobody has switched the network off. Answers how to look at once, because the switch was moved.
 */
export function watchNetwork({ connection, isSwitchedOff, reach, signal }: NetworkOptions): () => Promise<void> {
  async function look(): Promise<void> {
    if (isSwitchedOff()) return connection.set(false);
    const isThere = await reach();
    if (!signal.aborted) connection.set(isThere && !isSwitchedOff());
  }
  async function beat(): Promise<void> {
    while (!signal.aborted) {
      await look();
      await wait(HEARTBEAT, undefined, { signal }).catch(() => undefined);
    }
  }
  void beat();
  return look;
}
