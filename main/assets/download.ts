import type { StoredBytes } from '../engine/index.ts';
import { byteRangeOf } from './byte-range.ts';
import { headersFor, textResponse } from './response.ts';

/**
 * Answers GET and HEAD with an item: RFC 9110 §13 (If-None-Match; If-Range) and §14 (one range). No body is ever in memory: it
 * is read from the disk as it is taken.
 */
export function download(request: Request, item: StoredBytes, contentType: string): Response {
  const isHead = request.method === 'HEAD';
  const tag = `"${item.version}"`;
  const headers = headersFor(contentType, {
    etag: tag,
    'accept-ranges': 'bytes',
    // It may be kept, and is asked for again each time: a changed item is seen at once, an unchanged one costs a 304.
    'cache-control': 'no-cache',
  });
  if (names(request.headers.get('if-none-match'), tag)) return new Response(null, { status: 304, headers });

  const range = isHead ? undefined : byteRangeOf(rangeField(request, tag), item.size);
  if (range === 'unsatisfiable') {
    return textResponse(416, `The item has ${item.size} bytes`, { 'content-range': `bytes */${item.size}` });
  }
  const { start, end } = range ?? { start: 0, end: item.size };
  headers.set('content-length', String(end - start));
  if (range) headers.set('content-range', `bytes ${start}-${end - 1}/${item.size}`);
  const body = isHead ? null : (item.stream(range) as ReadableStream<Uint8Array<ArrayBuffer>>);
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** A range of another version than the one the asker has a part of is no range (§13.1.5). A date is never our version. */
function rangeField({ headers }: Request, tag: string): string | null {
  const condition = headers.get('if-range');
  return condition === null || condition === tag ? headers.get('range') : null;
}

/** Weak comparison (§8.8.3.2), as If-None-Match demands. */
function names(field: string | null, tag: string): boolean {
  if (field === null) return false;
  return field.trim() === '*' || [...field.matchAll(/"[^"]*"/g)].some(([named]) => named === tag);
}
