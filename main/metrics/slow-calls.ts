import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CallMessage } from '../engine/index.ts';
import { emitWarning } from '../engine/internal.ts';
import { ByLabel } from './labels.ts';

/** Time between two warnings of the same method of the same store. */
const WARNING_INTERVAL_MS = 60_000;

/**
 * Warns (`DiskCacheWarning`) of calls over ports that held this process for longer, once a minute for each method of each store. Keys and values
 * are never part of it. Returns a function that ends this.
 */
export function warnAboutSlowCalls(limitMs: number): () => void {
  const calls = new ByLabel(() => ({ warnedAt: Number.NEGATIVE_INFINITY, others: 0 }));
  const onCall = (message: unknown): void => {
    const { store, method, blockedMs } = message as CallMessage;
    if (blockedMs <= limitMs) return;
    const name = `${store}.${method}`;
    const call = calls.get(name);
    const now = performance.now();
    if (now - call.warnedAt < WARNING_INTERVAL_MS) {
      call.others++;
      return;
    }
    const others = call.others === 0 ? '' : ` ${call.others} more of them since the last warning.`;
    Object.assign(call, { warnedAt: now, others: 0 });
    emitWarning(
      `The call ${name} held the process for ${Math.round(blockedMs)} ms (slowCallWarningMs: ${limitMs}). Ask for less in one call, or open the host with placement: 'utility'.${others}`,
      { code: 'SLOW_CALL' },
    );
  };
  subscribe('deskcache:call', onCall);
  return () => void unsubscribe('deskcache:call', onCall);
}
