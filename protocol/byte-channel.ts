import { MAX_CHUNK_BYTES } from './value-stream.ts';

/*
 * A byte channel carries a large value or an HTTP body between a page and the main process in chunks. The page always asks: it pulls chunks
 * out and pushes chunks in. Each request is answered when its chunk has been read, and few may be in flight: that is the flow control.
 */

/** A stream of either process: this folder has no types of the DOM or of Node. */
interface StreamLike {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
    cancel(reason: unknown): Promise<void>;
  };
}

/** Where the bytes of a channel come from. */
export interface ByteSource {
  /** Chunks ready to be sent, including what was read in advance. Fails with the stream's error. */
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  /** Resolves when the stream has released what it holds. Errors while cancelling are ignored: no caller can act on them. */
  cancel(reason: unknown): Promise<void>;
}

/** A stream whose start can be read in advance, to send it whole if it is small. */
export interface BufferedSource extends ByteSource {
  /** Reads ahead until there are more than `maxBytes`. Returns everything if the stream ends before. */
  readAhead(maxBytes: number): Promise<Uint8Array | undefined>;
}

/** Returns whether a value is a `Uint8Array`, or a subclass of it, of any realm. In jsdom a page gets Node's own from a stream. */
export const isBytes = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';

export function createByteSource(stream: StreamLike): BufferedSource {
  const reader = stream.getReader();
  const ahead: Uint8Array[] = [];
  const cancel = (reason: unknown) => reader.cancel(reason).catch(() => {});

  /** Returns undefined at the end. Cancels a stream that gives something else than bytes. */
  async function read(): Promise<Uint8Array | undefined> {
    const { done, value } = await reader.read();
    if (done) return undefined;
    if (isBytes(value)) return value instanceof Uint8Array ? value : new Uint8Array(value);
    const error = new TypeError('A body stream must give bytes');
    await cancel(error);
    throw error;
  }

  return {
    chunks: (async function* splitIntoChunks() {
      for (let part = ahead.shift() ?? (await read()); part; part = ahead.shift() ?? (await read())) {
        // No chunk is empty, and each has a buffer of its own: a message carries the whole buffer of a view, which may hold other data.
        const { length, buffer } = part;
        if (length > 0 && length <= MAX_CHUNK_BYTES && length === buffer.byteLength) yield part;
        else
          for (let at = 0; at < length; at += MAX_CHUNK_BYTES)
            yield new Uint8Array(part.subarray(at, at + MAX_CHUNK_BYTES));
      }
    })(),
    cancel,
    async readAhead(maxBytes) {
      for (let bytes = 0; bytes <= maxBytes; bytes += ahead.at(-1)!.length) {
        const part = await read();
        if (part === undefined) return concatenate(ahead, bytes);
        ahead.push(part);
      }
      return undefined;
    },
  };
}

function concatenate(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
