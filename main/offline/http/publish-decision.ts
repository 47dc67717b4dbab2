import { CACHE_STATUS_FIELD } from '../../../protocol/cache-status.ts';
import { DiskCacheError } from '../../engine/index.ts';
import { type HttpMessage, httpChannel } from '../../engine/internal.ts';
import type { HttpCacheContext } from './context.ts';
import type { CacheMode } from './decide.ts';
import { respond } from './respond.ts';

/** `respond`, with what it came to published on `deskcache:http`. */
export function respondAndPublish(context: HttpCacheContext, request: Request, mode: CacheMode): Promise<Response> {
  if (!httpChannel.hasSubscribers) return respond(context, request, mode);
  return publishDecision(request, () => respond(context, request, mode));
}

/** Publishes how a request was answered: with a response, or with a failure. */
export async function publishDecision(request: Request, work: () => Promise<Response>): Promise<Response> {
  const startedAt = performance.now();
  try {
    const response = await work();
    httpChannel.publish(new Decision(request, performance.now() - startedAt, response, undefined));
    return response;
  } catch (error) {
    const name = error instanceof DiskCacheError ? error.code : error instanceof Error ? error.name : typeof error;
    httpChannel.publish(new Decision(request, performance.now() - startedAt, undefined, name));
    throw error;
  }
}

const OUR_MEMBER = /(?:^|,\s*)(deskcache(?:;[^,]*)?)$/;

class Decision implements HttpMessage {
  readonly method: string;
  readonly url: string;
  readonly cacheStatus: string | undefined;
  readonly status: number | undefined;
  readonly durationMs: number;
  readonly failure: string | undefined;
  readonly #fullUrl: string;

  constructor(
    { method, url }: Request,
    durationMs: number,
    response: Response | undefined,
    failure: string | undefined,
  ) {
    this.method = method;
    this.url = url.replace(/[?#].*$/s, '');
    this.cacheStatus = OUR_MEMBER.exec(response?.headers.get(CACHE_STATUS_FIELD) ?? '')?.[1];
    this.status = response?.status;
    this.durationMs = durationMs;
    this.failure = failure;
    this.#fullUrl = url;
  }

  get fullUrl(): string {
    return this.#fullUrl;
  }
}
