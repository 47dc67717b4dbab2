import { isSameTag, parseHttpDate, parseListField } from './fields.ts';

/** A part of a body: bytes from `start` up to and without `end`. */
export interface RequestedRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a Range field asks of a body of `size` bytes (RFC 9110 §14.1.2): a part, `unsatisfiable`, or undefined where the whole
 * body is the answer: other units, several ranges, what is no range.
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

/** Whether a request asks for everything as if for a part, which is how media elements begin. */
export const isWholeRangeRequest = ({ method, headers }: Request): boolean =>
  method === 'GET' && /^bytes=\s*0-\s*$/i.test(headers.get('range') ?? '') && !headers.has('if-range');

/** Whether If-Range lets the Range field count (RFC 9110 §13.1.5): the same strong entity tag, or exactly the same date. */
export function isRangeCurrent(request: Headers, stored: Headers, now: number): boolean {
  const condition = request.get('if-range');
  if (condition === null) return true;
  const date = parseHttpDate(condition, now);
  if (date !== undefined) return date === parseHttpDate(stored.get('last-modified'), now);
  return !condition.startsWith('W/') && condition === stored.get('etag');
}

/** Whether the client already has what is stored (RFC 9110 §13.2.2): If-None-Match, or else If-Modified-Since. */
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
