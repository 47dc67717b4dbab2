import type { Cache, Key } from '../engine/index.ts';
import { fromJson, toJson } from '../engine/values/json-value.ts';
import { parseListField } from '../http-semantics/fields.ts';
import { computeFreshness, decideReuse } from '../offline/http/policy.ts';
import type { Params, Responses, StoredResponse } from './contract.ts';
import { assertKind, findStore, HTTP_PREFIX, type InspectionSource } from './inspected-stores.ts';

/** URLs on one page. */
const MAX_URLS = 100;
/** Bodies are at `['http-body', partition, url, id]`, see docs/disk-format.md. */
const BODY = 'http-body';

/** A response as the HTTP cache stores it. */
interface Head {
  readonly id: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly requestedAt: number;
  readonly receivedAt: number;
}

type UrlKey = readonly [http: string, partition: string, url: string];

const findCache = (source: InspectionSource, name: string): Cache =>
  assertKind(findStore(source, name), 'cache', 'fanout').store;

/** Lists stored responses by partition and URL, with what a plain request for them would get now. */
export function listResponses(source: InspectionSource, { store, after }: Params<'responses'>): Responses {
  const cache = findCache(source, store);
  const from = after === undefined ? {} : { from: fromJson(after) as Key };
  const keys = [...cache.keys({ order: 'key', prefix: HTTP_PREFIX, ...from, limit: MAX_URLS + 1 })].filter(isUrlKey);
  const next = keys.length > MAX_URLS ? keys.pop() : undefined;
  return {
    responses: keys.flatMap((key) => describeResponses(cache, key, Date.now())),
    ...(next !== undefined && { next: toJson(next) }),
  };
}

const isUrlKey = (key: unknown): key is UrlKey =>
  Array.isArray(key) &&
  key.length === 3 &&
  key.every((part) => typeof part === 'string') &&
  URL.canParse(String(key[2]));

function describeResponses(cache: Cache, key: UrlKey, now: number): StoredResponse[] {
  const [, partition, url] = key;
  const heads = cache.getEntry(key)?.value;
  return (Array.isArray(heads) ? heads.filter(isHead) : []).map((head) => {
    const { id, status, statusText, headers, receivedAt } = head;
    const fields = new Headers(headers.map(([name, value]) => [name, value] as [string, string]));
    const parsed = { ...head, headers: fields };
    const request = new Request(url);
    return {
      partition,
      url,
      status,
      statusText,
      headers,
      receivedAt,
      ...computeFreshness(request, parsed, now, false),
      reuse: decideReuse(request, parsed, now, false),
      reason: explainLifetime(fields),
      vary: parseListField(fields.get('vary')),
      hasBody: cache.has([BODY, partition, url, id]),
    };
  });
}

function isHead(value: unknown): value is Head {
  const { status, headers, receivedAt, requestedAt, id } = Object(value) as Partial<Head>;
  return (
    [status, receivedAt, requestedAt].every((it) => typeof it === 'number') &&
    typeof id === 'string' &&
    Array.isArray(headers)
  );
}

/** Returns the fields that decide how long a response is fresh (RFC 9111 §4.2.1), in the order in which they count. */
function explainLifetime(headers: Headers): string {
  const control = headers.get('cache-control');
  if (control !== null) return `Cache-Control: ${control}`;
  const expires = headers.get('expires');
  if (expires !== null) return `Expires: ${expires}`;
  const modified = headers.get('last-modified');
  if (modified !== null) return `estimated from Last-Modified: ${modified}`;
  return 'no field says how long it is fresh';
}

/** Deletes the responses of a URL; returns whether there were some. The heads go first: a body without a head is never used. */
export function forgetResponses(
  source: InspectionSource,
  { store, partition, url }: Params<'forget'>,
): { readonly isDone: boolean } {
  const cache = findCache(source, store);
  const isDone = cache.delete([...HTTP_PREFIX, partition, url]);
  cache.deletePrefix([BODY, partition, url]);
  return { isDone };
}
