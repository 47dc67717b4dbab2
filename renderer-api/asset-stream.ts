import { assetUrl } from '../protocol/asset-url.ts';
import { type ByteRange, fullRange } from '../protocol/byte-range.ts';
import { DiskCacheError, fromErrorData, isErrorData } from '../protocol/error.ts';
import type { Key } from '../protocol/key.ts';
import type { SetOptions } from '../protocol/options.ts';
import { PART_BYTES, type UploadPart, uploadUrl } from '../protocol/upload.ts';
import type { ValueStreams } from './client/value-streams.ts';
import { drawNonce } from './connect.ts';

/*
 * Values as streams, past the port: over `deskcache://`, where the browser and the main process hold a chunk and no more. Who
 * may is decided there by the page's origin, see `host.serveAssets`.
 */
export const assetStreams: ValueStreams = { openReadStream, writeStream };

/** As the engine's `openReadStream`. */
async function openReadStream(
  store: string,
  key: Key,
  wanted?: ByteRange,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const { start, end } = fullRange(wanted);
  const wantsNone = start === end;
  const isWhole = start === 0 && end === Number.POSITIVE_INFINITY;
  const range = isWhole || wantsNone ? {} : { range: `bytes=${start}-${Number.isFinite(end) ? end - 1 : ''}` };
  const answer = await ask(assetUrl(store, key), { method: wantsNone ? 'HEAD' : 'GET', headers: range });
  if (answer.status === 404) return undefined;
  // A part behind the end of the value is empty.
  return answer.body === null || answer.status === 416 ? emptyStream() : wholeOrFailed(answer.body);
}

/** As the engine's `writeStream`. The main process takes one part after the other; here and there memory holds one or two. */
async function writeStream(
  store: string,
  key: Key,
  chunks: AsyncIterable<Uint8Array>,
  options?: SetOptions,
): Promise<void> {
  const upload = drawNonce();
  let part = 0;
  async function send(step: UploadPart['step'], body: Uint8Array<ArrayBuffer>): Promise<void> {
    const said = part === 0 && options !== undefined ? { options } : {};
    const url = uploadUrl(store, key, { upload, part: part++, bytes: body.length, step, ...said });
    await ask(url, { method: 'POST', body });
  }
  try {
    for await (const [step, body] of partsOf(chunks)) await send(step, body);
  } catch (error) {
    // The main process may be what failed; if it is not, nothing of the stream shall stay there.
    if (part > 0) await send('abort', new Uint8Array()).catch(() => {});
    throw error;
  }
}

/** Full parts, and a last one that is not. A part is to be used up before the next is asked for. */
async function* partsOf(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<['more' | 'last', Uint8Array<ArrayBuffer>], void> {
  const part = new Uint8Array(PART_BYTES);
  let filled = 0;
  let total = 0;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new DiskCacheError('BAD_VALUE', `chunk at byte ${total} of the stream is no Uint8Array; encode text first`);
    }
    total += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, PART_BYTES - filled);
      part.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < PART_BYTES) continue;
      yield ['more', part];
      filled = 0;
    }
  }
  yield ['last', part.subarray(0, filled)];
}

/** @throws {DiskCacheError} what the main process says, but for 404 (no such item) and 416 (no such part of it). */
async function ask(url: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, init);
  } catch (cause) {
    throw new DiskCacheError(
      'DISCONNECTED',
      `The main process did not answer at ${url.slice(0, 128)}; does it call host.serveAssets(session), and does the application register assetScheme()?`,
      { cause },
    );
  }
  if (answer.ok || answer.status === 416) return answer;
  const text = await answer.text().catch(() => '');
  const [, code, message] = /^([A-Z_]+): (.*)$/s.exec(text) ?? [];
  const data = { code, message };
  if (isErrorData(data)) throw fromErrorData(data);
  if (answer.status === 404) return answer;
  throw new DiskCacheError('DISCONNECTED', `The main process answered ${answer.status} ${text.slice(0, 128)}`);
}

/** Where the main process breaks off, all that a browser says is "network error". */
function wholeOrFailed(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (cause) {
          throw new DiskCacheError(
            'DISCONNECTED',
            'The stream broke off: the value is damaged or was replaced, or the main process has gone; read it again',
            { cause },
          );
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

const emptyStream = (): ReadableStream<Uint8Array> => new ReadableStream({ start: (controller) => controller.close() });
