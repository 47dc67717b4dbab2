import { CHUNKS_AHEAD } from '../../protocol/offline.ts';
import type { OfflineLine } from './offline-line.ts';

/** Bodies that nobody reads any more, and that were not read to their end: the main process would keep them open. */
const forgotten = new FinalizationRegistry<() => void>((leave) => leave());

/**
 * A body of the main process as a stream. Nothing is fetched before it is read; then some chunks ahead. `signal` breaks it off,
 * as that of a `fetch` does, and so does the end of the line.
 */
export function pulledBody(
  line: OfflineLine,
  body: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const signals = [signal, line.ended];
  const source = new PulledSource(line, body, unwatch);
  // The signals may live longer than anyone who reads. The source, and not its stream, is what can be watched: the stream of a
  // browser is its own, and what a page holds of it comes and goes.
  const watched = new WeakRef(source);
  function aborted(): void {
    watched.deref()?.abort(signals.find((it) => it.aborted)?.reason);
  }
  function unwatch(): void {
    for (const it of signals) it.removeEventListener('abort', aborted);
  }
  forgotten.register(
    source,
    () => {
      unwatch();
      line.tell('cancel', body);
    },
    source,
  );
  const stream = new ReadableStream(source);
  if (signals.some((it) => it.aborted)) aborted();
  else for (const it of signals) it.addEventListener('abort', aborted, { once: true });
  return stream;
}

class PulledSource {
  readonly type = 'bytes';
  readonly #line: OfflineLine;
  readonly #body: number;
  readonly #onEnd: () => void;
  readonly #ahead: Promise<Uint8Array | null>[] = [];
  #sink: ReadableByteStreamController | undefined;

  constructor(line: OfflineLine, body: number, onEnd: () => void) {
    this.#line = line;
    this.#body = body;
    this.#onEnd = onEnd;
  }

  start(controller: ReadableByteStreamController): void {
    this.#sink = controller;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    while (this.#ahead.length < CHUNKS_AHEAD) this.#ask();
    try {
      const bytes = await this.#ahead.shift();
      if (bytes) return controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#end();
    controller.close();
    controller.byobRequest?.respond(0);
  }

  cancel(): void {
    this.#end();
    this.#line.tell('cancel', this.#body);
  }

  abort(reason: unknown): void {
    this.#sink?.error(reason);
    this.cancel();
  }

  #ask(): void {
    const chunk = this.#line.ask('pull', this.#body);
    // What is asked for beyond the end, or after a failure, fails unheard.
    chunk.catch(() => undefined);
    this.#ahead.push(chunk);
  }

  #end(): void {
    forgotten.unregister(this);
    this.#onEnd();
  }
}
