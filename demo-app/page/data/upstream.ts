import { observable } from './observable.ts';

/** Whether the upstream answered the last time it was asked; `undefined` before the first answer. */
export const reachable = observable<boolean | undefined>(undefined);

/** Grows each time the upstream can be reached again. */
export const returns = observable(0);

/** Where the upstream lives; the main process knows and says so in the page's address. */
export const upstreamAddress = new URLSearchParams(location.search).get('upstream') ?? undefined;

const PATIENCE = 10_000;
const HEARTBEAT = 3_000;

/**
 * Asks the upstream for `path`; with `etag` the answer may be a 304 without a body.
 * Throws an `Error` with a message for a person when there is no usable answer.
 */
export async function ask(path: string, etag?: string): Promise<Response> {
  const response = await reach(path, etag);
  if (response.ok || response.status === 304) return response;
  throw new Error(`the server answered ${response.status} for ${path}`);
}

async function reach(path: string, etag?: string): Promise<Response> {
  if (upstreamAddress === undefined) {
    became(false);
    throw new Error('Atlas was started without a server to ask');
  }
  try {
    const response = await fetch(upstreamAddress + path, {
      // The disk cache is the only cache: the browser's own would hide where an answer came from.
      cache: 'no-store',
      headers: etag === undefined ? {} : { 'If-None-Match': etag },
      signal: AbortSignal.timeout(PATIENCE),
    });
    became(true);
    return response;
  } catch (error) {
    became(false);
    throw new Error('the server can’t be reached', { cause: error });
  }
}

/** Keeps asking whether the upstream is there, so that its going and coming back are noticed without a click. */
export function watchUpstream(): void {
  const beat = () => reach('/v1/health').catch(() => undefined);
  setInterval(beat, HEARTBEAT);
  void beat();
}

function became(now: boolean): void {
  const before = reachable.get();
  reachable.set(now);
  if (before === false && now) returns.set(returns.get() + 1);
}
