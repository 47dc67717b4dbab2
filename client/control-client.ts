import type { Remote } from 'comlink';
import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import type { ControlApi, Outcome, Refusal, SubscribeRequest } from '../protocol/wire.ts';
import { wrapApi } from './comlink-api.ts';
import type { PortConnection } from './port-connection.ts';

/** Subscribes and requests leases of near caches over a connection. */
export class ControlClient {
  readonly #connection: PortConnection;
  readonly #api: Remote<ControlApi>;

  constructor(connection: PortConnection) {
    this.#connection = connection;
    const { api, release } = wrapApi<ControlApi>(connection.port);
    this.#api = api;
    connection.onClose = release;
  }

  /** @throws {DiskCacheError} with the main process's reason if it refuses. */
  async subscribe(request: SubscribeRequest): Promise<void> {
    unwrapOutcome(await this.#getOpenApi().watch(request));
  }

  /**
   * Requests a lease on a store's near values. Returns false if values kept before may be stale.
   *
   * @throws {DiskCacheError} with the main process's reason if it refuses.
   */
  async requestLease(store: string): Promise<boolean> {
    return unwrapOutcome(await this.#getOpenApi().near(store));
  }

  /** Posts a message that has no result: `seen` and `dropped` acknowledge the message with this number. */
  notify<M extends 'unwatch' | 'seen' | 'far' | 'dropped'>(method: M, argument: Parameters<ControlApi[M]>[0]): void {
    if (this.#connection.isOpen) void (this.#api[method] as (argument: unknown) => unknown)(argument);
  }

  #getOpenApi(): Remote<ControlApi> {
    if (this.#connection.isOpen) return this.#api;
    throw new DiskCacheError('DISCONNECTED', 'The connection to the main process was closed');
  }
}

function unwrapOutcome<T>(outcome: Outcome<T> | Refusal): T {
  if ('refused' in outcome) throw fromErrorData(outcome.refused);
  if ('error' in outcome) throw fromErrorData(outcome.error);
  return outcome.value;
}
