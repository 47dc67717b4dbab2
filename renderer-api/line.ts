import { wrap } from 'comlink';
import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { type Face, isGoodbye, type Operation } from '../protocol/wire.ts';

/** What the client needs of a port: a page's `MessagePort` is one, and so is Node's. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  start(): void;
  close(): void;
}

/** One port to the main process, while it lasts. */
export interface Line {
  /** One outcome per operation. Stays open for ever when the line ends first: whoever opened it hears that by `onEnd`. */
  run(operations: readonly Operation[]): Promise<readonly Outcome[]>;
  close(): void;
}

/** `onEnd` hears once that the other side said goodbye or has gone. */
export function openLine(port: Port, onEnd: (reason: DiskCacheError) => void): Line {
  const face = wrap<Face>(port as Parameters<typeof wrap>[0]);
  let open = true;

  function end(reason: DiskCacheError): void {
    if (!open) return;
    open = false;
    port.close();
    onEnd(reason);
  }
  port.addEventListener('message', ({ data }) => {
    if (isGoodbye(data)) end(fromErrorData(data.reason));
  });
  port.addEventListener('close', () => end(new DiskCacheError('DISCONNECTED', 'The main process has gone')));
  port.start();

  return {
    async run(operations) {
      const answer = await face.run(operations);
      if ('refused' in answer) throw fromErrorData(answer.refused);
      return answer;
    },
    close() {
      open = false;
      port.close();
    },
  };
}
