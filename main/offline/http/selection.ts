import { createHash } from 'node:crypto';
import { isRoutingField } from '../../../protocol/request-fields.ts';
import { membersOf } from './fields.ts';

/** How a stored response is selected among those of its URL (RFC 9111 §4.1). */
export interface Selection {
  /** The request fields that select it, in small letters, and what else of the request does. */
  readonly selectedBy: readonly string[];
  /** A digest of what the request said there: credentials never reach the disk. */
  readonly selection: string;
}

/** A response that varies by more fields is not kept: each request for its URL would have to look at all of them. */
export const MAX_VARY_FIELDS = 64;

/**
 * No field has such a name. Whether a request goes without the session's credentials, and its fields by which a server may answer for
 * another host or path, such as `X-Forwarded-Host`: an answer to one of these is not for requests without.
 */
const REQUEST = ':request';

/** What always selects, whatever `Vary` says. */
const ALWAYS: readonly string[] = ['authorization', REQUEST];

/** Fields whose members mean the same in any case of letters (RFC 5646 §2.1.1, RFC 9110 §8.4.1). */
const IN_ANY_CASE: ReadonlySet<string> = new Set(['accept-language', 'accept-encoding']);

/** The names in `Vary`, in small letters. */
export const getVaryFields = (response: Headers): string[] =>
  membersOf(response.get('vary')).map((name) => name.toLowerCase());

/** By what a response is selected; without a response, by what every one is. */
export const getSelectedBy = (response?: Headers): readonly string[] =>
  response === undefined ? ALWAYS : [...new Set([...getVaryFields(response), ...ALWAYS])];

export const toSelection = (request: Request, selectedBy: readonly string[]): Selection => ({
  selectedBy,
  selection: toDigest(request, selectedBy),
});

/** Whether a request selects a response. A version that did not note credentials asked with those of the session. */
export function selects(request: Request, { selectedBy, selection }: Selection): boolean {
  // Earlier versions kept what varies by any number of fields.
  if (selectedBy.length > MAX_VARY_FIELDS + ALWAYS.length) return false;
  if (!selectedBy.includes(REQUEST) && getRequestPart(request).length > 0) return false;
  return selection === toDigest(request, selectedBy);
}

/** Equal requests, equal digests. */
function toDigest(request: Request, selectedBy: readonly string[]): string {
  const said = selectedBy.map((name) => {
    if (name === REQUEST) return [name, getRequestPart(request)];
    const field = request.headers.get(name);
    return [name, field && membersOf(IN_ANY_CASE.has(name) ? field.toLowerCase() : field)];
  });
  return createHash('sha256').update(JSON.stringify(said)).digest('base64');
}

/** Empty for a request as most are. `Headers` gives its fields in the order of their names. */
function getRequestPart({ credentials, headers }: Request): (readonly [string, string])[] {
  const routing = [...headers].filter(([name]) => isRoutingField(name));
  return credentials === 'omit' ? [['credentials', 'omit'], ...routing] : routing;
}
