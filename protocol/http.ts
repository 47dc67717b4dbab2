import { type ErrorData, isErrorData } from './error.ts';
import type { StrategyOptions } from './strategy.ts';
import type { Refusal } from './wire.ts';

/*
 * Messages between a page and the main process over the HTTP port: `fetch` with strategies, CacheStorage, the network state. Calls use
 * comlink; bodies of both directions are numbered by their sender and travel in chunks.
 */

/** The name of the application's CacheStorage in a grant. `'*'` covers it. */
export const CACHES_GRANT = '@caches';

/**
 * The name of `diskCache.fetch` in a grant. `'*'` does not cover it: it sends the session's cookies and ignores CORS, so it has to be
 * granted by name.
 */
export const FETCH_GRANT = '@fetch';

/** Maximum number of calls a page may have in flight, and of bodies of the main process it may have open. */
export const MAX_HTTP_CALLS = 1024;
export const MAX_OPEN_BODIES = 1024;

/** Maximum size of a response without its body, and of a request without its body. Bytes. */
export const MAX_HEAD_BYTES = 2 ** 18;

/** No body, the whole body, or the number under which it travels in chunks. */
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

/** The properties of a `Response`, in either process, that are sent apart from its body. */
interface ResponseHead extends Omit<WireResponse, 'body' | 'headers'> {
  readonly headers: Iterable<readonly [name: string, value: string]>;
}

/** Returns a response as sent, without its body. */
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
  /** The page's number for the call, used to abort it. */
  readonly id: number;
  readonly request: WireRequest;
  readonly body: WireBody;
  readonly plan?: StrategyOptions;
}

export interface CachesCall {
  readonly id: number;
  /** A method of `CacheStorage` if `cache` is absent, else of the `Cache` with this id. */
  readonly method: string;
  readonly cache?: string;
  /** The name of a cache, for methods of CacheStorage. */
  readonly name?: string;
  readonly requests?: readonly WireRequest[];
  readonly options?: QueryOptions & { readonly cacheName?: string };
  /** The response to store, for `put`. */
  readonly response?: WireResponse;
}

/** The result of a CacheStorage call; the caller knows from its method whether to expect requests or responses. */
export type CachesResult = boolean | string | readonly string[] | readonly WireRequest[] | readonly WireResponse[];

/** A chunk of one of the page's bodies; without `bytes`, its end or the error that broke it off. */
export interface BodyChunk {
  readonly body: number;
  readonly bytes?: Uint8Array;
  readonly failure?: string;
}

/** An error that keeps its class: a `DiskCacheError`, or by name a `TypeError` or `DOMException`. */
export type HttpFault = ErrorData | { readonly exception: string; readonly message: string };
/** May carry a receipt, which the page posts back as `Receipt` when the reply has arrived. */
export type Reply<T> = { readonly value: T; readonly receipt?: number } | { readonly fault: HttpFault } | Refusal;

/** The API that the main process exposes through comlink on the HTTP port: flat, frozen, one plain argument each. */
export interface HttpApi {
  fetch(call: FetchCall): Promise<Reply<WireResponse>>;
  caches(call: CachesCall): Promise<Reply<CachesResult>>;
  /** Aborts a call. A result that arrives afterwards is dropped. */
  abort(call: number): undefined | Refusal;
  /** Returns the next chunk of a body of the main process; null at its end. */
  pull(body: number): Promise<Reply<Uint8Array | null>>;
  /** The page stops reading the body. */
  cancel(body: number): undefined | Refusal;
  /** Resolves when there is room for the next chunk; false if the body is no longer wanted. */
  push(chunk: BodyChunk): Promise<Reply<boolean>>;
  /** Returns whether there is a network; from then on, `ConnectionMessage` reports changes. */
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

/** Main to page, after the page has asked for the network state. */
export interface ConnectionMessage {
  readonly deskcache: 'connection';
  readonly online: boolean;
}

export const isConnectionMessage = (message: unknown): message is ConnectionMessage =>
  (Object(message) as Partial<ConnectionMessage>).deskcache === 'connection';

export const isErrorFault = (fault: HttpFault): fault is ErrorData => isErrorData(fault);
