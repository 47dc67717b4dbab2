import type { ValueStreamContract } from '../../protocol/value-stream.ts';
import type { Client } from './client.ts';

/** Takes a step of a stream of one store. Rejects once the connection has ended. */
type Step = <M extends keyof ValueStreamContract>(
  method: M,
  ...args: Parameters<ValueStreamContract[M]>
) => Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;

/** The steps of one stream, and the connection that it belongs to. */
export interface Stream {
  readonly step: Step;
  /** Gives up a stream, so that the main process keeps nothing of it. Never rejects: the main process may be what has failed. */
  leave(stream: string): Promise<void>;
  readonly connection: AbortSignal;
}

export function streamOn(client: Client, store: string): Stream {
  const { connection } = client;
  const step: Step = (method, ...args) => client.streamStep(connection, store, method, ...args);
  return { step, leave: (stream) => step('leaveStream', stream).catch(() => {}), connection };
}
