import { describe, expect, it } from 'vitest';
import {
  type CacheMode,
  type Decision,
  decide,
  decideOnFailure,
  type Situation,
} from '../../../main/offline/http/decide.ts';
import { InFlightRequest } from '../../../main/offline/http/in-flight-requests.ts';
import { getSelectedBy, toSelection } from '../../../main/offline/http/policy.ts';
import { createStoredResponse, type Fields, NOW, toFields, URL_A } from './decision-fixture.ts';

interface Row {
  readonly section: string;
  readonly rule: string;
  readonly method?: string;
  readonly request?: Fields;
  readonly mode?: CacheMode;
  /** Header fields of the stored response; without them none is stored. */
  readonly stored?: Fields;
  readonly status?: number;
  /** Seconds since the response was received. */
  readonly age?: number;
  readonly isShared?: boolean;
  readonly isInFlight?: boolean;
  readonly joinOutcome?: Situation['joinOutcome'];
  readonly expected: string;
}

const CACHED = 'max-age=60';
const TAGGED = { 'cache-control': CACHED, etag: '"v1"' };
// biome-ignore format: one row per line
const ROWS: readonly Row[] = [
  // RFC 9111 §4: what may be reused
  { section: '9111 §4', rule: 'nothing stored: the origin is asked', expected: 'fetch joinable' },
  { section: '9111 §4', rule: 'a fresh response is reused', stored: CACHED, age: 59, expected: 'serve' },
  { section: '9111 §4', rule: 'a stale response is validated', stored: CACHED, age: 60, expected: 'revalidate joinable' },
  { section: '9111 §4', rule: 'HEAD may use a response to GET', method: 'HEAD', stored: CACHED, expected: 'serve' },
  { section: '9111 §4', rule: 'HEAD is never waited for', method: 'HEAD', stored: CACHED, age: 60, expected: 'revalidate alone' },
  { section: '9111 §4', rule: 'OPTIONS uses no stored response', method: 'OPTIONS', stored: CACHED, expected: 'bypass bypass' },
  { section: '9111 §4', rule: 'an equal request is joined', isInFlight: true, expected: 'join' },
  { section: '9111 §4', rule: 'a fresh response needs no join', isInFlight: true, stored: CACHED, expected: 'serve' },
  { section: '9111 §4', rule: 'a validation is joined', isInFlight: true, stored: CACHED, age: 60, expected: 'join' },
  { section: '9111 §4', rule: 'HEAD joins no GET', method: 'HEAD', isInFlight: true, expected: 'fetch alone' },
  { section: '9111 §4', rule: 'after a join, what was stored is served', joinOutcome: 'recheck', stored: CACHED, expected: 'serve' },
  { section: '9111 §4', rule: 'after a join, what is stale at once is validated alone, or the waiters would go one after the other', joinOutcome: 'recheck', isInFlight: true, stored: 'max-age=0', expected: 'revalidate alone' },
  { section: '9111 §4', rule: 'after a join of a request that turned out to be another one, the next equal one is joined', joinOutcome: 'recheck', isInFlight: true, expected: 'join' },
  { section: '9111 §4', rule: 'after a join that stored nothing, each asks alone', joinOutcome: 'fetch', expected: 'fetch alone' },
  { section: '9111 §4', rule: 'after a join that stored nothing, what was stale before is validated', joinOutcome: 'fetch', stored: CACHED, age: 60, expected: 'revalidate alone' },
  // §4.2: freshness
  { section: '9111 §4.2.1', rule: 's-maxage is not for a private cache', stored: 'max-age=60, s-maxage=1', age: 30, expected: 'serve' },
  { section: '9111 §4.2.1', rule: 's-maxage counts before max-age in a shared cache', stored: 'max-age=60, s-maxage=1', age: 30, isShared: true, expected: 'revalidate joinable' },
  { section: '9111 §4.2.1', rule: 'Expires counts without max-age', stored: { expires: 'Sun, 01 Mar 2026 12:00:10 GMT' }, age: 0, expected: 'serve' },
  { section: '9111 §4.2.1', rule: 'an invalid Expires is stale', stored: { expires: '0' }, expected: 'revalidate joinable' },
  { section: '9111 §4.2.2', rule: 'a tenth of the time since Last-Modified is fresh', stored: { 'last-modified': 'Sun, 01 Mar 2026 11:58:20 GMT' }, expected: 'serve' },
  { section: '9111 §4.2.2', rule: 'no lifetime is guessed for a 302', stored: { 'last-modified': 'Sun, 01 Mar 2026 11:58:20 GMT' }, status: 302, expected: 'revalidate joinable' },
  { section: '9111 §4.2.3', rule: 'the Age of a proxy counts', stored: { 'cache-control': CACHED, age: '60' }, expected: 'revalidate joinable' },
  { section: '9111 §4.2.3', rule: 'a response from the future has an unknown age', stored: CACHED, age: -1, expected: 'revalidate joinable' },
  // §4.3: validation by the client
  { section: '9111 §4.3.2', rule: "a fresh response answers the client's own condition", request: { 'if-none-match': '"v1"' }, stored: TAGGED, expected: 'serve' },
  { section: '9111 §4.3.2', rule: 'a conditional request is not waited for', request: { 'if-none-match': '"v1"' }, expected: 'fetch alone' },
  { section: '9110 §13.1.1', rule: 'If-Match is for the origin', request: { 'if-match': '"v1"' }, stored: TAGGED, expected: 'bypass bypass' },
  { section: '9110 §13.1.4', rule: 'If-Unmodified-Since is for the origin', request: { 'if-unmodified-since': 'Sun, 01 Mar 2026 12:00:00 GMT' }, stored: TAGGED, expected: 'bypass bypass' },
  { section: '9110 §14.2', rule: 'a part of a stored response is served', request: { range: 'bytes=2-4' }, stored: CACHED, expected: 'serve' },
  { section: '9110 §14.2', rule: 'a part is not stored, so it is not waited for', request: { range: 'bytes=2-4' }, expected: 'fetch alone' },
  { section: '9110 §14.2', rule: 'the range of everything asks for everything', request: { range: 'bytes=0-' }, stored: CACHED, expected: 'widen-range' },
  { section: '9110 §14.2', rule: 'several ranges are for the origin', request: { range: 'bytes=0-1,4-5' }, stored: CACHED, expected: 'bypass bypass' },
  // §4.4: invalidation
  { section: '9111 §4.4', rule: 'an unsafe request goes to the origin', method: 'POST', stored: CACHED, expected: 'bypass method' },
  { section: '9111 §4.4', rule: 'an unsafe request goes to the origin in every mode', method: 'DELETE', mode: 'only-if-cached', stored: CACHED, expected: 'bypass method' },
  { section: '9111 §4.4', rule: 'a GET that overrides its method is unsafe', request: { 'x-http-method-override': 'DELETE' }, stored: CACHED, expected: 'bypass method' },
  // §5.2.1: directives of requests
  { section: '9111 §5.2.1.1', rule: 'max-age limits the age', request: 'max-age=30', stored: CACHED, age: 31, expected: 'revalidate joinable' },
  { section: '9111 §5.2.1.1', rule: 'max-age allows what is younger', request: 'max-age=30', stored: CACHED, age: 29, expected: 'serve' },
  { section: '9111 §5.2.1.1', rule: 'max-age=0 allows nothing', request: 'max-age=0', stored: CACHED, expected: 'revalidate joinable' },
  { section: '9111 §5.2.1.2', rule: 'max-stale allows what is stale', request: 'max-stale', stored: CACHED, age: 999, expected: 'serve' },
  { section: '9111 §5.2.1.2', rule: 'max-stale=10 allows ten seconds', request: 'max-stale=10', stored: CACHED, age: 69, expected: 'serve' },
  { section: '9111 §5.2.1.2', rule: 'max-stale=10 allows no more', request: 'max-stale=10', stored: CACHED, age: 71, expected: 'revalidate joinable' },
  { section: '9111 §5.2.1.3', rule: 'min-fresh asks for time left', request: 'min-fresh=20', stored: CACHED, age: 41, expected: 'revalidate joinable' },
  { section: '9111 §5.2.1.3', rule: 'min-fresh allows what has the time', request: 'min-fresh=20', stored: CACHED, age: 39, expected: 'serve' },
  { section: '9111 §5.2.1.4', rule: 'no-cache asks for validation', request: 'no-cache', stored: CACHED, expected: 'revalidate joinable' },
  { section: '9111 §5.2.1.5', rule: 'no-store goes past the store', request: 'no-store', stored: CACHED, expected: 'bypass bypass' },
  { section: '9111 §5.2.1.7', rule: 'only-if-cached serves what is fresh', request: 'only-if-cached', stored: CACHED, expected: 'serve' },
  { section: '9111 §5.2.1.7', rule: 'only-if-cached asks no origin', request: 'only-if-cached', expected: 'gateway-timeout' },
  { section: '9111 §5.2.1.7', rule: 'only-if-cached validates nothing', request: 'only-if-cached', stored: CACHED, age: 60, expected: 'gateway-timeout' },
  { section: '9111 §5.2.1.7', rule: 'only-if-cached joins nothing', request: 'only-if-cached', isInFlight: true, expected: 'gateway-timeout' },
  { section: '9111 §5.4', rule: 'Pragma: no-cache counts without Cache-Control', request: { pragma: 'no-cache' }, stored: CACHED, expected: 'revalidate joinable' },
  { section: '9111 §5.4', rule: 'Pragma counts for nothing beside Cache-Control', request: { pragma: 'no-cache', 'cache-control': 'max-age=30' }, stored: CACHED, expected: 'serve' },
  // §5.2.2: directives of responses
  { section: '9111 §5.2.2.2', rule: 'must-revalidate forbids stale reuse', request: 'max-stale', stored: 'max-age=60, must-revalidate', age: 61, expected: 'revalidate joinable' },
  { section: '9111 §5.2.2.4', rule: 'no-cache forbids reuse without validation', stored: 'max-age=60, no-cache', expected: 'revalidate joinable' },
  { section: '9111 §5.2.2.8', rule: 'proxy-revalidate binds a shared cache', request: 'max-stale', stored: 'max-age=60, proxy-revalidate', age: 61, isShared: true, expected: 'revalidate joinable' },
  { section: '9111 §5.2.2.8', rule: 'proxy-revalidate binds no private cache', request: 'max-stale', stored: 'max-age=60, proxy-revalidate', age: 61, expected: 'serve' },
  { section: '9111 §5.2.2.10', rule: 's-maxage forbids stale reuse in a shared cache', request: 'max-stale', stored: 's-maxage=60', age: 61, isShared: true, expected: 'revalidate joinable' },
  // RFC 5861 and RFC 8246
  { section: '5861 §3', rule: 'stale-while-revalidate serves within its time', stored: 'max-age=60, stale-while-revalidate=30', age: 89, expected: 'serve-and-revalidate' },
  { section: '5861 §3', rule: 'stale-while-revalidate ends', stored: 'max-age=60, stale-while-revalidate=30', age: 91, expected: 'revalidate joinable' },
  { section: '5861 §3', rule: 'stale-while-revalidate revalidates nothing fresh', stored: 'max-age=60, stale-while-revalidate=30', age: 59, expected: 'serve' },
  { section: '5861 §3', rule: 'stale-while-revalidate yields to must-revalidate', stored: 'max-age=60, stale-while-revalidate=30, must-revalidate', age: 70, expected: 'revalidate joinable' },
  { section: '5861 §3', rule: 'stale-while-revalidate serves also while the validation is under way', stored: 'max-age=60, stale-while-revalidate=30', age: 70, isInFlight: true, expected: 'serve-and-revalidate' },
  { section: '8246 §2', rule: 'a fresh immutable response needs no validation', mode: 'no-cache', stored: 'max-age=60, immutable', expected: 'serve' },
  { section: '8246 §2', rule: 'a stale immutable response needs it', mode: 'no-cache', stored: 'max-age=60, immutable', age: 60, expected: 'revalidate joinable' },
  // Modes
  { section: 'fetch', rule: 'no-store goes past the store', mode: 'no-store', stored: CACHED, expected: 'bypass bypass' },
  { section: 'fetch', rule: 'reload ignores what is stored', mode: 'reload', stored: CACHED, expected: 'fetch joinable' },
  { section: 'fetch', rule: 'reload joins nothing that began before', mode: 'reload', isInFlight: true, expected: 'fetch joinable' },
  { section: 'fetch', rule: 'no-cache validates', mode: 'no-cache', stored: CACHED, expected: 'revalidate joinable' },
  { section: 'fetch', rule: 'force-cache serves what is stale', mode: 'force-cache', stored: CACHED, age: 999, expected: 'serve' },
  { section: 'fetch', rule: 'force-cache asks for what is not stored', mode: 'force-cache', expected: 'fetch joinable' },
  { section: 'fetch', rule: 'only-if-cached serves what is stale', mode: 'only-if-cached', stored: CACHED, age: 999, expected: 'serve' },
  { section: 'fetch', rule: 'only-if-cached asks no origin', mode: 'only-if-cached', expected: 'gateway-timeout' },
  { section: 'fetch', rule: 'only-if-cached does not bypass either', mode: 'only-if-cached', request: 'no-store', expected: 'gateway-timeout' },
  { section: 'strategy', rule: 'cache-first serves what is stale', mode: 'cache-first', stored: CACHED, age: 999, expected: 'serve' },
  { section: 'strategy', rule: 'cache-first asks again for a stale error', mode: 'cache-first', stored: CACHED, status: 404, age: 999, expected: 'revalidate joinable' },
  { section: 'strategy', rule: 'cache-first serves a fresh error', mode: 'cache-first', stored: CACHED, status: 404, expected: 'serve' },
  { section: 'strategy', rule: 'stale-while-revalidate needs no directive', mode: 'stale-while-revalidate', stored: CACHED, age: 999, expected: 'serve-and-revalidate' },
  { section: 'strategy', rule: 'stale-while-revalidate serves no stale error', mode: 'stale-while-revalidate', stored: CACHED, status: 404, age: 999, expected: 'revalidate joinable' },
];

/** Decides as the executor does: reads the store only if it is told to. */
function decideWithStore(row: Row): { readonly decision: Decision; readonly situation: Situation } {
  const request = new Request(URL_A, { method: row.method ?? 'GET', headers: toFields(row.request) });
  const situation: Situation = {
    request,
    mode: row.mode ?? 'default',
    stored: 'unread',
    inFlight: row.isInFlight ? new InFlightRequest(URL_A, toSelection(request, getSelectedBy()), false) : undefined,
    joinOutcome: row.joinOutcome,
    now: NOW,
    shared: row.isShared ?? false,
  };
  const decision = decide(situation);
  if (decision.action !== 'lookup') return { decision, situation };
  const stored = row.stored === undefined ? undefined : createStoredResponse(row.stored, row.age, row.status);
  const looked = { ...situation, stored };
  return { decision: decide(looked), situation: looked };
}

function format(decision: Decision): string {
  if (decision.action === 'bypass') return `bypass ${decision.fwd}`;
  return 'joinable' in decision ? `${decision.action} ${decision.joinable ? 'joinable' : 'alone'}` : decision.action;
}

describe('decide', () => {
  it.each(ROWS)('$section: $rule', (row) => {
    const { decision, situation } = decideWithStore(row);
    expect(format(decision)).toBe(row.expected);
    if ('stored' in decision) expect(decision.stored).toBe(situation.stored);
    if ('inFlight' in decision) expect(decision.inFlight).toBe(situation.inFlight);
  });

  it('reads the store only for requests that may use it', () => {
    const actions = ROWS.map((row) => decideWithStore({ ...row, stored: {} }).situation.stored === 'unread');
    const unread = ROWS.filter((_, at) => actions[at]).map(({ expected, mode }) => mode ?? expected);
    expect(new Set(unread)).toEqual(
      new Set(['bypass bypass', 'bypass method', 'widen-range', 'no-store', 'reload', 'only-if-cached']),
    );
  });
});

describe('decideOnFailure', () => {
  it.each([
    ['9111 §4.2.4', 'serves what is stale', {}, CACHED, {}, 'serve-stale'],
    ['9111 §4.2.4', 'fails without a stored response', {}, undefined, {}, 'fail'],
    ['9111 §5.2.2.2', 'must-revalidate forbids it', {}, { 'cache-control': 'must-revalidate' }, {}, 'fail'],
    ['9111 §5.2.2.4', 'no-cache of the response forbids it', {}, { 'cache-control': 'no-cache' }, {}, 'fail'],
    ['9111 §5.2.1.4', 'no-cache of the request forbids it', { 'cache-control': 'no-cache' }, CACHED, {}, 'fail'],
    ['9111 §4.2.4', 'an aborted request gets nothing', {}, CACHED, { isAborted: true }, 'fail'],
    ['9111 §4.2.4', 'a background request needs nothing', {}, CACHED, { isBackground: true }, 'fail'],
  ] as const)('%s: %s', (_section, _rule, headers, fields, how, expected) => {
    const stored = fields === undefined ? undefined : createStoredResponse(fields, 999);
    const failed = { request: new Request(URL_A, { headers }), stored, isAborted: false, isBackground: false };
    const decision = decideOnFailure({ ...failed, ...how, now: NOW, shared: false });
    expect(decision).toEqual(expected === 'fail' ? { action: 'fail' } : { action: 'serve-stale', stored });
  });
});
