import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { CheckpointMessage } from '../../main/engine/index.ts';

interface Writable {
  readonly directory: string;
  set(key: string, value: string): unknown;
}

const VALUE = 'v'.repeat(400);
/** Writes more than enough for any condition of these tests, so that one that is never met fails the test soon. */
const MAX_WRITES = 200_000;

/** The messages of checkpoints while `work` runs. */
export async function recordCheckpoints(work: (messages: CheckpointMessage[]) => Promise<void>): Promise<void> {
  const messages: CheckpointMessage[] = [];
  const onMessage = (message: unknown) => void messages.push(message as CheckpointMessage);
  subscribe('deskcache:checkpoint', onMessage);
  try {
    await work(messages);
  } finally {
    unsubscribe('deskcache:checkpoint', onMessage);
  }
}

/** Sets keys, ten in a turn of the event loop, until `isDone`. Returns how many sets there were. */
export async function writeUntil(store: Writable, isDone: () => boolean): Promise<number> {
  for (let n = 0; n < MAX_WRITES; n++) {
    store.set(`key ${n % 20_000}`, VALUE);
    if (n % 10 !== 9) continue;
    await turn();
    if (isDone()) return n + 1;
  }
  throw new Error('The condition was not met');
}

export const getLogBytes = ({ directory }: { readonly directory: string }): number =>
  statSync(`${directory}/cache.db-wal`).size;
