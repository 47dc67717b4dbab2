import { releaseProxy, wrap } from 'comlink';
import type { MessagePortLike } from './port-connection.ts';

/*
 * Calls that are rare use comlink's messages: subscriptions and leases on the port of the stores, everything on the port of HTTP. They need
 * no format of their own, because their cost doesn't matter; the frequent calls do (port-connection.ts).
 */

/** The methods of an API as promises. A type of our own: published declarations name no package that an application might not have. */
export type RemoteMethods<T> = {
  readonly [M in keyof T]: T[M] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/** An API of the main process behind a port. */
export interface RemoteApi<T> {
  readonly api: RemoteMethods<T>;
  /** Call this once the port is closed: until then comlink's registry holds the port and everything that waits for its answers. */
  release(): void;
}

export function wrapApi<T>(port: MessagePortLike): RemoteApi<T> {
  const api = wrap<object>(port as Parameters<typeof wrap>[0]);
  return { api: api as unknown as RemoteMethods<T>, release: () => api[releaseProxy]() };
}
