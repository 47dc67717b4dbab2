import type { StrategyOptions } from '../../protocol/strategy.ts';

/** What `fetch` takes; `RequestInfo` is not known to every library of types. */
export type RequestInput = string | Request | URL;

/** Returns a Request as it is: copying it would use up its body. @throws {TypeError} if it is missing, instead of requesting "undefined". */
export function toRequest(input: RequestInput | undefined): Request {
  if (input === undefined) throw new TypeError('A request is missing');
  return input instanceof Request ? input : new Request(input);
}

/** As `fetch` takes it, with the strategy for this request; default: that of its route. */
export type RemoteFetchInit = RequestInit & Partial<StrategyOptions>;
