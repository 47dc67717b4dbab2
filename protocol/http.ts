import { type ErrorData, isErrorData } from './error.ts';
import type { StrategyOptions } from './strategy.ts';
import type { Refusal } from './wire.ts';

/*
 * What a page and the main process say over a port of the second kind: `fetch` with strategies, CacheStorage, the connection. The
 * page asks and is answered, in comlink's words; the bodies of both directions are numbered by who has them, and travel in chunks.
 */

/** What a grant calls the application's CacheStorage. `'*'` covers it. */
export const CACHES_GRANT = '@caches';

/**
 * What a grant calls `diskCache.fetch`. `'*'` does not cover it: it is no store but the session's cookies and no CORS, so it is
 * granted by its name.
 */
export const FETCH_GRANT = '@fetch';

/** Bodies travel as large values do: in chunks of at most so many bytes, of which so many of one body may be on their way. */
export { MAX_CHUNK_BYTES, MAX_CHUNKS_IN_FLIGHT } from './value-stream.ts';

/** A page has at most so many calls under way, and so many bodies of the main process open. */
export const MAX_HTTP_CALLS = 1024;
export const MAX_OPEN_BODIES = 1024;

/** A response without its body, and all but the body of a request, weigh at most so much. Bytes. */
export const MAX_HEAD_BYTES = 2 ** 18;

/** None, all of it, or the number under which it travels in chunks. */
export type WireBody = null | Uint8Array | number;

export type HeaderFields = readonly (readonly [name: string, value: string])[];

export interface WireRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: HeaderFields;
  readonly credentials?: string;
  readonly redirect?: string;
  readonly cache?: string;
}

export interface WireResponse {
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderFields;
  readonly redirected: boolean;
  readonly type: string;
  readonly body: WireBody;
}

/** What a `Response` of either bank has that travels, besides its body. */
interface ResponseHead extends Omit<WireResponse, 'body' | 'headers'> {
  readonly headers: Iterable<readonly [name: string, value: string]>;
}

/** A response as it travels, but for its body. */
export function serializeResponseHead({
  url,
  status,
  statusText,
  headers,
  redirected,
  type,
}: ResponseHead): Omit<WireResponse, 'body'> {
  return { url, status, statusText, headers: [...headers], redirected, type };
}

/** The standard's CacheQueryOptions. */
export interface QueryOptions {
  readonly ignoreSearch?: boolean;
  readonly ignoreMethod?: boolean;
  readonly ignoreVary?: boolean;
}

export interface FetchCall {
  /** The page's number for the call, to abort it by. */
  readonly id: number;
  readonly request: WireRequest;
  readonly body: WireBody;
  readonly plan?: StrategyOptions;
}

export interface CachesCall {
  readonly id: number;
  /** Of `CacheStorage` without `cache`, else of the `Cache` that has this id. */
  readonly method: string;
  readonly cache?: string;
  /** The name of a cache, for CacheStorage. */
  readonly name?: string;
  readonly requests?: readonly WireRequest[];
  readonly options?: QueryOptions & { readonly cacheName?: string };
  /** What `put` puts. */
  readonly response?: WireResponse;
}

/** What a call of CacheStorage gave: responses and requests are recognised by who asked for them. */
export type CachesResult = boolean | string | readonly string[] | readonly WireRequest[] | readonly WireResponse[];

/** A piece of a body of the page; without `bytes` its end, or why it broke off. */
export interface BodyChunk {
  readonly body: number;
  readonly bytes?: Uint8Array;
  readonly failure?: string;
}

/** An error that stays of its class: ours, or the standard's by its name, `TypeError` or that of a `DOMException`. */
export type HttpFault = ErrorData | { readonly exception: string; readonly message: string };
/** With a receipt, which the page posts back as `Receipt` when the reply has arrived. */
export type Reply<T> = { readonly value: T; readonly receipt?: number } | { readonly fault: HttpFault } | Refusal;

/** What the main process exposes to comlink on such a port: flat, frozen, one plain argument each. */
export interface HttpApi {
  fetch(call: FetchCall): Promise<Reply<WireResponse>>;
  caches(call: CachesCall): Promise<Reply<CachesResult>>;
  /** Gives up a call. What it may have brought meanwhile is dropped. */
  abort(call: number): undefined | Refusal;
  /** The next chunk of a body of the main process; null is its end. */
  pull(body: number): Promise<Reply<Uint8Array | null>>;
  /** The page wants no more of it. */
  cancel(body: number): undefined | Refusal;
  /** Answered when there is room for the next: whether there is anyone who wants it. */
  push(piece: BodyChunk): Promise<Reply<boolean>>;
  /** Whether there is a network; `ConnectionMessage` say so, too, and from now on when that changes. */
  connection(nothing: null): Promise<Reply<boolean>>;
  setOnline(online: boolean): Promise<Reply<null>>;
}

export const HTTP_API_METHODS = [
  'fetch',
  'caches',
  'abort',
  'pull',
  'cancel',
  'push',
  'connection',
  'setOnline',
] as const satisfies readonly (keyof HttpApi)[];

/** Main to page, once the page has asked how the connection is. */
export interface ConnectionMessage {
  readonly deskcache: 'connection';
  readonly online: boolean;
}

export const isConnectionMessage = (message: unknown): message is ConnectionMessage =>
  (Object(message) as Partial<ConnectionMessage>).deskcache === 'connection';

export const isErrorFault = (fault: HttpFault): fault is ErrorData => isErrorData(fault);
