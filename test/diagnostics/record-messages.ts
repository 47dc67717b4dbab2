import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';
import type { DiagnosticsMessages } from '../../main/engine/index.ts';

/** Collects the messages of a channel until the test ends. */
export function recordMessages<N extends keyof DiagnosticsMessages>(name: N): DiagnosticsMessages[N][] {
  const messages: DiagnosticsMessages[N][] = [];
  const onMessage = (message: unknown) => void messages.push(message as DiagnosticsMessages[N]);
  subscribe(name, onMessage);
  onTestFinished(() => void unsubscribe(name, onMessage));
  return messages;
}
