import { CHUNKS_AHEAD } from '../../protocol/offline.ts';
import type { OfflineLine } from './offline-line.ts';

/** Bodies that nobody reads any more, and that were not read to their end: the main process would keep them open. */
const forgotten = new FinalizationRegistry<() => void>((drop) => drop());

/**
 * A body of the main process as a stream. Nothing is fetched before it is read; then some chunks ahead. `signal` breaks it off,
 * as that of a `fetch` does.
 */
export function pulledBody(
  line: OfflineLine,
  body: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const ahead: Promise<Uint8Array | null>[] = [];
  let sink: WeakRef<ReadableByteStreamController> | undefined;

  function aborted(): void {
    sink?.deref()?.error(signal.reason);
    drop();
  }
  function drop(): void {
    over();
    line.tell('cancel', body);
  }
  function over(): void {
    forgotten.unregister(ahead);
    signal.removeEventListener('abort', aborted);
  }
  function ask(): void {
    const chunk = line.ask('pull', body);
    // What is asked for beyond the end, or after a failure, fails unheard.
    chunk.catch(() => undefined);
    ahead.push(chunk);
  }

  const stream = new ReadableStream({
    type: 'bytes',
    start(controller) {
      sink = new WeakRef(controller);
    },
    async pull(controller) {
      while (ahead.length < CHUNKS_AHEAD) ask();
      try {
        const bytes = await ahead.shift();
        if (bytes) return controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
      } catch (error) {
        over();
        throw error;
      }
      over();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: drop,
  });
  forgotten.register(stream, drop, ahead);
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return stream;
}
