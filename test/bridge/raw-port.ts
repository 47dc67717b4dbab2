import type { MessagePort } from 'node:worker_threads';
import { isGoodbye, type ResponseMessage } from '../../protocol/wire.ts';

export type RawMessage = Record<string, unknown> & { readonly deskcache?: string };

/** A page that speaks the wire itself. */
export function openRawPort(port: MessagePort) {
  const pending = new Map<unknown, (answer: never) => void>();
  const listeners = new Set<(message: RawMessage) => void>();
  let last = 0;
  const ended = new Promise<string>((resolve) => {
    listeners.add((message) => isGoodbye(message) && resolve(`${message.reason.code}: ${message.reason.message}`));
  });
  port.on('message', (message: RawMessage | ResponseMessage) => {
    const id = Array.isArray(message) ? message[0] : (message as RawMessage)['id'];
    if (pending.has(id)) {
      pending.get(id)!(message as never);
      pending.delete(id);
    } else for (const listener of listeners) listener(message as RawMessage);
  });
  const run = (...operations: unknown[][]) =>
    new Promise<ResponseMessage>((resolve) => {
      pending.set(++last, resolve);
      port.postMessage([last, operations]);
    });
  return {
    port,
    listeners,
    ended,
    run,
    async one(...operation: unknown[]): Promise<unknown> {
      const answer = await run(operation);
      const failure = answer.length === 2 ? answer[1].refused : answer[2][0]?.[1];
      if (failure) throw Object.assign(new Error(failure.message), { code: failure.code });
      return (answer[1] as unknown[])[0];
    },
    call: (method: string, value: unknown) =>
      new Promise<{ value?: { value?: unknown; error?: { code: string; message: string } } }>((resolve) => {
        const id = `c${++last}`;
        pending.set(id, resolve);
        port.postMessage({ id, type: 'APPLY', path: [method], argumentList: [{ type: 'RAW', value }] });
      }),
  };
}
