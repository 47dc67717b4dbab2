import { assetUrl } from './asset-url.ts';
import { DiskCacheError } from './error.ts';
import { type Key, keyFault } from './key.ts';
import { keyFromText, keyToText } from './key-text.ts';
import type { SetOptions } from './options.ts';

/*
 * A stream on its way from a page to a store: POSTs to the item's address, one part after the other, each answered when the
 * next may come. Not one request with a streamed body: Chromium sends those over HTTP/2 only, and `protocol.handle` reads all
 * chunks of a streamed body into the same piece of memory. A part's bytes arrive as one buffer.
 */

/** A part holds this many bytes, the last one fewer: enough that a request costs little beside it, little enough to hold some. */
export const PART_BYTES = 2 ** 18;

/** One part of an upload, without its bytes. */
export interface UploadPart {
  /** 128 random bits in hexadecimal; the same for all parts of one stream. */
  readonly upload: string;
  /** 0, 1, 2 … */
  readonly part: number;
  /** How many bytes the part has: a body that arrives shorter is noticed. */
  readonly bytes: number;
  /** `more` follows; `last`: the item is whole; `abort`: it never will be, and nothing of it stays. */
  readonly step: 'more' | 'last' | 'abort';
  /** With the first part. */
  readonly options?: SetOptions;
}

/** @throws {DiskCacheError} `BAD_KEY`, `BAD_OPTION`. */
export function uploadUrl(store: string, key: Key, { upload, part, bytes, step, options }: UploadPart): string {
  const address = assetUrl(store, key);
  const said = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  const fault = keyFault(said);
  if (fault !== undefined) throw new DiskCacheError('BAD_OPTION', fault.replace(/^key/, 'options'));
  const parameters = `upload=${upload}&part=${part}&bytes=${bytes}&step=${step}`;
  const set = Object.keys(said).length > 0 ? `&set=${encodeURIComponent(keyToText(said))}` : '';
  return `${address}${address.includes('?') ? '&' : '?'}${parameters}${set}`;
}

const UPLOAD = /^[0-9a-f]{32}$/;
const WHOLE = /^\d{1,15}$/;
const STEPS: ReadonlySet<string> = new Set(['more', 'last', 'abort'] satisfies UploadPart['step'][]);

/** @throws {DiskCacheError} `BAD_OPTION` for a query that is not one of `uploadUrl`. What options mean is for the store to say. */
export function readUploadPart(query: ReadonlyMap<string, string>): UploadPart {
  const { upload = '', part = '', bytes = '', step = '', set } = Object.fromEntries(query);
  if (
    !UPLOAD.test(upload) ||
    !WHOLE.test(part) ||
    !WHOLE.test(bytes) ||
    !STEPS.has(step) ||
    Number(bytes) > PART_BYTES
  ) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'A POST carries a part of writeStream(key, stream); this one says not which',
    );
  }
  return {
    upload,
    part: Number(part),
    bytes: Number(bytes),
    step: step as UploadPart['step'],
    ...(set !== undefined && { options: keyFromText(set) as SetOptions }),
  };
}
