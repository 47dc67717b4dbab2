import type { ValueStreamContract } from '../../protocol/value-stream.ts';
import type { Client } from './client.ts';

/** Takes a step, on one store and as long as one connection lasts. */
type Step = <M extends keyof ValueStreamContract>(
  method: M,
  ...args: Parameters<ValueStreamContract[M]>
) => Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;

/** The steps of one stream, and the connection that it belongs to. */
export interface Stream {
  readonly step: Step;
  /** Ends a stream before its end. The main process may be what has failed; if it is not, nothing of the stream stays there. */
  leave(stream: string): Promise<void>;
  readonly connection: AbortSignal;
}

export function streamOn(client: Client, store: string): Stream {
  const { connection } = client;
  const step: Step = (method, ...args) => client.streamStep(connection, store, method, ...args);
  return { step, leave: (stream) => step('leaveStream', stream).catch(() => {}), connection };
}
