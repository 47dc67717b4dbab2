import { describe, expect, it } from 'vitest';
import {
  getStoredFields,
  isRangeCurrent,
  isSameTag,
  isWholeRangeRequest,
  parseCacheControl,
  parseDeltaSeconds,
  parseHttpDate,
  parseListField,
  parseRangeField,
} from '../../../main/http-semantics/fields.ts';

const NOON = Date.parse('1994-11-06T08:49:37Z');
const NOW = Date.parse('2026-03-01T00:00:00Z');

describe('parsing fields', () => {
  it('splits lists at commas, but not inside quotes', () => {
    expect(parseListField(' a, "b, c" ,, d="e\\", f" ')).toEqual(['a', '"b, c"', 'd="e\\", f"']);
    expect(parseListField(null)).toEqual([]);
  });

  it('parses Cache-Control: names in lower case, arguments without quotes, the first of two, nothing invalid', () => {
    const read = (field: string) => Object.fromEntries(parseCacheControl(field));
    expect(read('Max-Age="60", no-STORE')).toEqual({ 'max-age': '60', 'no-store': true });
    expect(read('max-age=1, max-age=2')).toEqual({ 'max-age': '1' });
    expect(read('x="max-age=9, no-store"')).toEqual({ x: 'max-age=9, no-store' });
    expect(read('max-age =5, =, public')).toEqual({ public: true });
  });

  it('parses seconds from digits only', () => {
    expect(
      (['60', '003', '99999999999', '-1', '1.5', 'a', '', true, undefined] as const).map((it) => parseDeltaSeconds(it)),
    ).toEqual([60, 3, 2 ** 31, undefined, undefined, undefined, undefined, undefined, undefined]);
  });

  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', NOON],
    ['sun, 06 nov 1994 08:49:37 gmt', NOON],
    ['Sunday, 06-Nov-94 08:49:37 GMT', NOON],
    ['Sun Nov  6 08:49:37 1994', NOON],
    ['Saturday, 01-Jan-50 00:00:00 GMT', Date.UTC(2050, 0, 1)],
    ['Sun, 06 Nov 1994 08:49:37 UTC', undefined],
    ['Sun, 6 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 94 08:49:37 GMT', undefined],
    ['Sun 06 Nov 1994 08:49:37 GMT', undefined],
    ['1994-11-06T08:49:37Z', undefined],
    ['0', undefined],
    [null, undefined],
  ])('parses the date %s', (text, at) => {
    expect(parseHttpDate(text, NOW)).toBe(at);
  });

  it('compares entity tags weakly', () => {
    expect([isSameTag('"a"', 'W/"a"'), isSameTag('"a"', '"b"')]).toEqual([true, false]);
  });

  it('stores the fields about the body, not those about the connection', () => {
    const kept = (fields: Record<string, string>) => Object.fromEntries(getStoredFields(new Headers(fields)));
    expect(kept({ connection: 'x-a', 'x-a': '1', 'x-b': '2', te: 'trailers' })).toEqual({ 'x-b': '2' });
    expect(kept({ 'content-encoding': 'gzip', 'content-length': '9' })).toEqual({});
    expect(kept({ 'content-encoding': 'own', 'content-length': '9' })).toEqual({
      'content-encoding': 'own',
      'content-length': '9',
    });
  });
});

describe('ranges', () => {
  it.each([
    ['bytes=0-4', { start: 0, end: 5 }],
    ['bytes=7-', { start: 7, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=-30', { start: 0, end: 10 }],
    ['bytes=5-99', { start: 5, end: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,3-4', undefined],
    ['lines=0-1', undefined],
  ])('parses %s for ten bytes', (field, part) => {
    expect(parseRangeField(field, 10)).toEqual(part);
  });

  it.each([
    ['bytes=0-', true],
    ['BYTES= 0- ', true],
    ['bytes=0-9', false],
    ['bytes=1-', false],
    ['bytes=-5', false],
    ['bytes=0-,2-', false],
    ['items=0-', false],
  ])('%s asks for the whole body of any length: %s', (range, isWhole) => {
    const open = (init: RequestInit) => isWholeRangeRequest(new Request('https://a.example/', init));
    expect(open({ headers: { range } })).toBe(isWhole);
    expect(open({ headers: { range, 'if-range': '"v1"' } })).toBe(false);
    expect(open({ method: 'HEAD', headers: { range } })).toBe(false);
  });

  it('count only if If-Range matches', () => {
    const stored = new Headers({ etag: '"a"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' });
    const holds = (condition: string) => isRangeCurrent(new Headers({ 'if-range': condition }), stored, NOW);
    expect(
      ['"a"', '"b"', 'W/"a"', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:38 GMT'].map(holds),
    ).toEqual([true, false, false, true, false]);
  });
});
