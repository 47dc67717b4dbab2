import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on this machine that counts what it is asked. */
export interface HttpOrigin extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** How often a path was asked for, by whatever method. */
  countRequests(path: string): number;
  /** Nothing answers any more, and open connections end. */
  stop(): Promise<void>;
  /** Listens again at the same URL. */
  start(): Promise<void>;
}

export type OriginHandler = (request: IncomingMessage, response: ServerResponse, times: number) => void;

/** Starts an origin; `answer` gets the number of requests for the path, including this one. */
export async function startOrigin(answer: OriginHandler): Promise<HttpOrigin> {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const times = (counts.get(path) ?? 0) + 1;
    counts.set(path, times);
    answer(request, response, times);
  });
  // A connection that is closed while a body is sent over it again can't be tried again; a busy machine may pause for more than Node's five seconds.
  server.keepAliveTimeout = 120_000;
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    countRequests: (path) => counts.get(path) ?? 0,
    stop,
    start: () => listen(port),
    [Symbol.asyncDispose]: stop,
  };
}
