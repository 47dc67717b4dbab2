import { membersOf, withoutFragment } from '../http/fields.ts';

export type { QueryOptions } from '../../../protocol/offline.ts';

/** A request and its response, without the body. Field values are as `Headers` gives them. */
export interface Item {
  /** Another one for every put. */
  readonly order: number;
  readonly request: {
    readonly url: string;
    readonly method: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly response: {
    readonly url: string;
    readonly redirected: boolean;
    readonly type: string;
    readonly status: number;
    readonly statusText: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  /** Undefined for a response whose body is null. */
  readonly bodyId: string | undefined;
}

/** A URL in two parts that are compared apart: up to the query, and the query with its `?`. The fragment counts for nothing. */
export function addressOf(url: string): readonly [path: string, search: string] {
  const whole = withoutFragment(url);
  const at = whole.indexOf('?');
  return at < 0 ? [whole, ''] : [whole.slice(0, at), whole.slice(at)];
}

/**
 * Whether a request asks for an item whose address is the right one: what is left of "request matches cached item" in the Service
 * Worker standard, the fields that Vary names.
 */
export function varies(query: Request, { request, response }: Omit<Item, 'order'>): boolean {
  const cached = headersOf(request.headers);
  const names = membersOf(headersOf(response.headers).get('vary'));
  return names.some((name) => query.headers.get(name) !== cached.get(name));
}

/** Whether a request asks for an item. */
export function asksFor(query: Request, item: Omit<Item, 'order'>): boolean {
  const [path, search] = addressOf(query.url);
  const [itemPath, itemSearch] = addressOf(item.request.url);
  return path === itemPath && search === itemSearch && !varies(query, item);
}

export const headersOf = (fields: readonly (readonly [string, string])[]): Headers =>
  new Headers(fields.map(([name, value]): [string, string] => [name, value]));
