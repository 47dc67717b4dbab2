import { isSameTag, parseHttpDate, parseListField } from './fields.ts';

/** A part of a body: the bytes from `start` to `end`, `end` excluded. */
export interface RequestedRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses the Range field of a request for a body of `size` bytes (RFC 9110 §14.1.2). Undefined means that the response is the whole body
 * (§14.2): for another unit, for several ranges, and for an invalid field.
 */
export function parseRangeField(field: string, size: number): RequestedRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(field) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}

/** Whether the range of a request is the whole body, however long that is: `bytes=0-`, which media elements begin with. */
export function isWholeRangeRequest({ method, headers }: Request): boolean {
  const field = headers.get('range');
  if (method !== 'GET' || field === null || headers.has('if-range')) return false;
  const range = parseRangeField(field, Number.POSITIVE_INFINITY);
  return typeof range === 'object' && range.start === 0 && range.end === Number.POSITIVE_INFINITY;
}

/** Whether If-Range allows a part (RFC 9110 §13.1.5): it names the same strong entity tag, or exactly the same date. */
export function isRangeCurrent(request: Headers, stored: Headers, now: number): boolean {
  const condition = request.get('if-range');
  if (condition === null) return true;
  const date = parseHttpDate(condition, now);
  if (date !== undefined) return date === parseHttpDate(stored.get('last-modified'), now);
  return !condition.startsWith('W/') && condition === stored.get('etag');
}

/** Whether the client already has the stored representation (RFC 9110 §13.2.2): by If-None-Match, or else by If-Modified-Since. */
export function isNotModified(request: Headers, stored: Headers, now: number): boolean {
  if (request.has('if-none-match')) {
    const tag = stored.get('etag');
    return parseListField(request.get('if-none-match')).some(
      (it) => it === '*' || (tag !== null && isSameTag(it, tag)),
    );
  }
  const since = parseHttpDate(request.get('if-modified-since'), now);
  const modified = parseHttpDate(stored.get('last-modified') ?? stored.get('date'), now);
  return since !== undefined && modified !== undefined && modified <= since;
}
