import { describe, expect, it } from 'vitest';
import { decideOnResponse, type OriginResponse, type ResponseDecision } from '../../../main/offline/http/decide.ts';
import { InFlightRequest } from '../../../main/offline/http/in-flight-requests.ts';
import { getSelectedBy, toSelection } from '../../../main/offline/http/policy.ts';
import { createStoredResponse, type Fields, NOW, toFields, URL_A } from './decision-fixture.ts';

interface Row {
  readonly section: string;
  readonly rule: string;
  readonly method?: string;
  readonly request?: Fields;
  /** Header fields of the stored response, which is 100 s old; without them none is stored. */
  readonly stored?: Fields;
  readonly status: number;
  readonly received?: Fields;
  readonly isAlone?: boolean;
  readonly isRedirected?: boolean;
  readonly isConditional?: boolean;
  readonly expected: string;
}

const CACHED = 'max-age=60';
const TAGGED = { 'cache-control': CACHED, etag: '"v1"' };
// biome-ignore format: one row per line
const ROWS: readonly Row[] = [
  { section: '9111 §3', rule: 'what may be stored is stored', status: 200, received: CACHED, expected: 'store' },
  { section: '9111 §3', rule: 'no-store is not', status: 200, received: 'no-store', expected: 'forward' },
  { section: '9111 §3', rule: 'a request that could not be joined stores nothing', status: 200, received: CACHED, isAlone: true, expected: 'forward' },
  { section: '9111 §3', rule: 'what fetch was redirected to belongs to another URL', status: 200, received: CACHED, isRedirected: true, expected: 'forward' },
  { section: '9111 §3.3', rule: 'a part is not stored', status: 206, received: CACHED, expected: 'forward' },
  { section: '9111 §4.3.3', rule: 'a new response replaces the stale one', stored: TAGGED, status: 200, received: CACHED, expected: 'store' },
  { section: '9111 §4.3.3', rule: 'a new response that is not stored deletes the stale one', stored: TAGGED, status: 200, received: 'no-store', expected: 'forward, delete' },
  { section: '9111 §4.3.3', rule: 'a 404 deletes it, too', stored: TAGGED, status: 404, received: 'no-store', expected: 'forward, delete' },
  { section: '9111 §4.3.3', rule: 'a 5xx does not', stored: TAGGED, status: 500, expected: 'forward' },
  { section: '9110 §15.5.9', rule: 'neither does a 408', stored: TAGGED, status: 408, expected: 'forward' },
  { section: '6585 §4', rule: 'nor a 429', stored: TAGGED, status: 429, expected: 'forward' },
  { section: '9111 §4.3.4', rule: 'a 304 confirms', stored: TAGGED, status: 304, received: { etag: '"v1"' }, expected: 'serve-validated, update' },
  { section: '9111 §4.3.4', rule: 'a 304 without a tag confirms', stored: TAGGED, status: 304, expected: 'serve-validated, update' },
  { section: '9111 §4.3.4', rule: 'tags are compared weakly', stored: TAGGED, status: 304, received: { etag: 'W/"v1"' }, expected: 'serve-validated, update' },
  { section: '9111 §4.3.4', rule: 'a 304 with another tag confirms nothing', stored: TAGGED, status: 304, received: { etag: '"v2"' }, expected: 'refetch, delete' },
  { section: '9111 §4.3.4', rule: 'a 304 may forbid to store', stored: TAGGED, status: 304, received: 'no-store', expected: 'serve-validated, delete' },
  { section: '9111 §4.3.3', rule: "a 304 to the client's own condition is the client's", stored: CACHED, status: 304, isConditional: false, expected: 'forward' },
  { section: '9111 §4.3.5', rule: 'HEAD confirms what it describes', method: 'HEAD', stored: TAGGED, status: 200, received: { etag: '"v1"' }, isAlone: true, isConditional: false, expected: 'forward, update fresh' },
  { section: '9111 §4.3.5', rule: 'HEAD makes stale what it describes otherwise', method: 'HEAD', stored: TAGGED, status: 200, received: { etag: '"v2"' }, isAlone: true, isConditional: false, expected: 'forward, update stale' },
  { section: '9111 §4.3.5', rule: 'HEAD compares the length', method: 'HEAD', stored: { ...TAGGED, 'content-length': '4' }, status: 200, received: { 'content-length': '5' }, isAlone: true, isConditional: false, expected: 'forward, update stale' },
  { section: '9110 §8.6', rule: 'HEAD does not compare the length of an encoded body', method: 'HEAD', stored: { ...TAGGED, 'content-length': '4' }, status: 200, received: { 'content-length': '5', 'content-encoding': 'gzip' }, isAlone: true, isConditional: false, expected: 'forward, update fresh' },
  { section: '9111 §4.3.5', rule: 'HEAD says nothing with another status', method: 'HEAD', stored: TAGGED, status: 404, isAlone: true, isConditional: false, expected: 'forward' },
  { section: '5861 §4', rule: 'stale-if-error serves within its time', stored: 'max-age=60, stale-if-error=60', status: 503, expected: 'serve-stale, else forward' },
  { section: '5861 §4', rule: 'stale-if-error ends', stored: 'max-age=60, stale-if-error=30', status: 503, expected: 'forward' },
  { section: '5861 §4', rule: 'stale-if-error yields to must-revalidate', stored: 'max-age=60, stale-if-error=60, must-revalidate', status: 503, expected: 'forward' },
  { section: '5861 §4', rule: 'stale-if-error yields to no-cache of the request', request: 'no-cache', stored: 'max-age=60, stale-if-error=60', status: 503, expected: 'forward' },
  { section: '5861 §4', rule: 'an error that may be stored is stored if the stale body is gone', stored: 'max-age=60, stale-if-error=60', status: 501, received: CACHED, expected: 'serve-stale, else store' },
  { section: '5861 §4', rule: 'stale-if-error is for 5xx', stored: 'max-age=60, stale-if-error=60', status: 404, received: 'no-store', expected: 'forward, delete' },
];

function toOriginResponse(row: Row): OriginResponse {
  const request = new Request(URL_A, { method: row.method ?? 'GET', headers: toFields(row.request) });
  const headers = new Headers({ date: new Date(NOW).toUTCString(), ...toFields(row.received) });
  return {
    request,
    head: { status: row.status, headers, requestedAt: NOW, receivedAt: NOW },
    stored: row.stored === undefined ? undefined : createStoredResponse(row.stored, 100),
    isConditional: row.isConditional ?? toFields(row.stored)['etag'] !== undefined,
    inFlight: row.isAlone ? undefined : new InFlightRequest(URL_A, toSelection(request, getSelectedBy()), false),
    isRedirected: row.isRedirected ?? false,
    audience: { shared: false, hiddenHeaders: new Set() },
  };
}

function format(decision: ResponseDecision): string {
  if (decision.action === 'serve-stale') return `serve-stale, else ${format(decision.otherwise)}`;
  if (decision.action === 'store' || decision.change === undefined) return decision.action;
  const { change, stored } = decision.change;
  const isUpdate = decision.action === 'forward' && change === 'update';
  const freshness = stored.receivedAt === NOW ? ' fresh' : ' stale';
  return `${decision.action}, ${change}${isUpdate ? freshness : ''}`;
}

describe('decideOnResponse', () => {
  it.each(ROWS)('$section: $rule', (row) => {
    expect(format(decideOnResponse(toOriginResponse(row)))).toBe(row.expected);
  });

  it('freshens the fields of a confirmed response, and changes nothing it was given', () => {
    const response = toOriginResponse({
      section: '',
      rule: '',
      stored: TAGGED,
      status: 304,
      received: { 'cache-control': 'max-age=5' },
      expected: '',
    });
    const decision = decideOnResponse(response);
    if (decision.action !== 'serve-validated') throw new Error(decision.action);
    expect([decision.stored.headers.get('cache-control'), decision.stored.headers.get('etag')]).toEqual([
      'max-age=5',
      '"v1"',
    ]);
    expect([decision.stored.receivedAt, response.stored!.headers.get('cache-control')]).toEqual([NOW, 'max-age=60']);
  });
});
