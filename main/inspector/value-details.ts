import { DiskCacheError } from '../../protocol/error.ts';
import { toJson } from '../engine/values/json-value.ts';
import type { Params, TaggedJson, ValueDetails } from './contract.ts';
import { type EngineAccess, type InspectionSource, isCache, isKeyed } from './inspected-stores.ts';
import { type LocatedItem, locateItem, readValue, toRow } from './rows.ts';
import { toValueNode } from './value-node.ts';

/** A larger value is shown by its facts, and its bytes in parts. */
const MAX_SHOWN_BYTES = 16 * 1024 * 1024;
const MAX_TEXT_LENGTH = 256 * 1024;
/** A larger value can't be edited as JSON. */
const MAX_EDITED_LENGTH = 512 * 1024;
/** Bytes of one part. */
const MAX_PART_BYTES = 64 * 1024;

/** @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_KEY`, `CORRUPT`. */
export function getValueDetails(source: InspectionSource, engine: EngineAccess, params: Params<'value'>): ValueDetails {
  const { listed, key } = locateItem(source, params);
  const { preview: _, ...row } = toRow(listed, key, engine);
  const facts = isKeyed(listed) ? engine.getItemFacts(listed.store, key) : undefined;
  const shared = {
    row,
    ...(facts && { isCompressed: facts.isCompressed, isInFile: facts.isInFile }),
    // An index counts no uses.
    ...(facts && isCache(listed) && { accessedAt: facts.accessedAt }),
  };
  if (facts !== undefined && facts.bytes > MAX_SHOWN_BYTES)
    return isPlain(facts.encoding) ? { ...shared, byteLength: facts.bytes } : shared;
  return { ...shared, ...describeValue(readValue(listed, key, engine, MAX_SHOWN_BYTES)) };
}

const isPlain = (encoding: string): boolean => encoding === 'bytes' || encoding === 'text';

function describeValue(value: unknown): Partial<ValueDetails> {
  const bytes = toBytes(value);
  const imageType = bytes === undefined ? undefined : sniffImageType(bytes);
  const json = toEditableJson(value);
  return {
    tree: toValueNode(value),
    ...(json !== undefined && { json: json.tagged }),
    ...(bytes !== undefined && { byteLength: bytes.length }),
    ...(imageType !== undefined && { imageType }),
    ...(typeof value === 'string' && {
      text: value.slice(0, MAX_TEXT_LENGTH),
      isTextCut: value.length > MAX_TEXT_LENGTH,
    }),
  };
}

function toEditableJson(value: unknown): { readonly tagged: TaggedJson } | undefined {
  if (ArrayBuffer.isView(value) && value.byteLength > MAX_EDITED_LENGTH) return undefined;
  if (typeof value === 'string' && value.length > MAX_EDITED_LENGTH) return undefined;
  try {
    const tagged = toJson(value);
    return JSON.stringify(tagged).length > MAX_EDITED_LENGTH ? undefined : { tagged };
  } catch {
    // A codec may return what JSON can't hold.
    return undefined;
  }
}

function toBytes(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

/** The images that browsers decode without running anything: SVG is not among them, and shown as text. */
const IMAGE_SIGNATURES: readonly (readonly [type: string, matches: (bytes: Buffer) => boolean])[] = [
  ['image/png', (bytes) => bytes.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', (bytes) => bytes.subarray(0, 3).toString('latin1') === '\xff\xd8\xff'],
  ['image/gif', (bytes) => /^GIF8[79]a/.test(bytes.subarray(0, 6).toString('latin1'))],
  ['image/webp', (bytes) => /^RIFF[\s\S]{4}WEBP/.test(bytes.subarray(0, 12).toString('latin1'))],
  ['image/avif', (bytes) => /^[\s\S]{4}ftypavi[fs]/.test(bytes.subarray(0, 12).toString('latin1'))],
];

/** Returns the type of an image by its first bytes, never by what an item says of itself. */
function sniffImageType(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 16));
  return IMAGE_SIGNATURES.find(([, matches]) => matches(start))?.[0];
}

/** @throws {DiskCacheError} `BAD_VALUE` for a value that is neither bytes nor text, `TOO_LARGE`. */
export async function readPart(
  source: InspectionSource,
  engine: EngineAccess,
  { from, count, ...params }: Params<'bytes'>,
): Promise<{ readonly base64: string }> {
  const located = locateItem(source, params);
  const end = from + Math.min(count, MAX_PART_BYTES);
  return { base64: Buffer.from(await readBytes(located, engine, from, end)).toString('base64') };
}

async function readBytes(
  { listed, key }: LocatedItem,
  engine: EngineAccess,
  from: number,
  end: number,
): Promise<Uint8Array> {
  const facts = isCache(listed) ? engine.getItemFacts(listed.store, key) : undefined;
  if (isCache(listed) && facts !== undefined && facts.bytes > MAX_SHOWN_BYTES)
    return readStreamed(
      listed.store.openReadStream(key, { start: Math.min(from, facts.bytes), end: Math.min(end, facts.bytes) }),
    );
  const bytes = toBytes(readValue(listed, key, engine, MAX_SHOWN_BYTES));
  if (bytes !== undefined) return bytes.subarray(from, end);
  throw new DiskCacheError('BAD_VALUE', 'The value is neither bytes nor text; look at it as a tree');
}

async function readStreamed(stream: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An image as it is stored. @throws {DiskCacheError} `BAD_VALUE` for what isn't one. */
export function readImage(
  source: InspectionSource,
  engine: EngineAccess,
  params: Params<'value'>,
): { readonly type: string; readonly bytes: Uint8Array } {
  const { listed, key } = locateItem(source, params);
  const bytes = toBytes(readValue(listed, key, engine, MAX_SHOWN_BYTES));
  const type = bytes === undefined ? undefined : sniffImageType(bytes);
  if (bytes !== undefined && type !== undefined) return { type, bytes };
  throw new DiskCacheError('BAD_VALUE', 'The value is not an image of a type that can be shown');
}
