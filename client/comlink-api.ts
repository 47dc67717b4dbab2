import { type Remote, releaseProxy, wrap } from 'comlink';
import type { MessagePortLike } from './port-connection.ts';

/*
 * Calls that are rare use comlink's messages: subscriptions and leases on the port of the stores, everything on the port of HTTP. They need
 * no format of their own, because their cost doesn't matter; the frequent calls do (port-connection.ts).
 */

/** An API of the main process behind a port. */
export interface RemoteApi<T> {
  readonly api: Remote<T>;
  /** Call this once the port is closed: until then comlink's registry holds the port and everything that waits for its answers. */
  release(): void;
}

export function wrapApi<T>(port: MessagePortLike): RemoteApi<T> {
  const api = wrap<T>(port as Parameters<typeof wrap>[0]);
  return { api, release: () => (api as Remote<object>)[releaseProxy]() };
}
